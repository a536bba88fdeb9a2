"""The user that Metaflow files runs under."""

import os
import pwd
from typing import Any

import pytest
from metaflow import metaflow_config
from metaflow.util import get_username

from posttraining.user import LOCAL_USER, UnknownUserError, ensure_user


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable names a user, and Metaflow has read none; what is set meanwhile goes afterwards."""
    for name in ("METAFLOW_USER", "SUDO_USER", "USERNAME", "USER"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(metaflow_config, "USER", None)
    monkeypatch.setattr(metaflow_config, "DEFAULT_METADATA", "local")
    _account(monkeypatch, "root")


def _account(monkeypatch: pytest.MonkeyPatch, name: str | None) -> None:
    def account(number: int) -> Any:
        if name is None:
            raise KeyError(number)
        return pwd.struct_passwd((name, "x", number, number, "", "/", "/bin/sh"))

    monkeypatch.setattr(pwd, "getpwuid", account)


@pytest.mark.parametrize("account", ["root", None])
def test_root_and_numbers_without_an_account_get_a_name_for_runs_of_this_machine(account, monkeypatch):
    _account(monkeypatch, account)
    # Metaflow alone finds none, and refuses to run.
    assert get_username() is None
    ensure_user()
    assert get_username() == LOCAL_USER
    # For the processes of tasks.
    assert os.environ["METAFLOW_USER"] == LOCAL_USER


def test_an_account_is_known_by_its_name_where_no_variable_says_it(monkeypatch):
    monkeypatch.setattr(metaflow_config, "DEFAULT_METADATA", "service")
    _account(monkeypatch, "ada")
    ensure_user()
    assert get_username() == "ada"


def test_a_name_that_is_set_stays(monkeypatch):
    monkeypatch.setenv("USER", "grace")
    ensure_user()
    assert get_username() == "grace"
    assert os.environ["METAFLOW_USER"] == ""


def test_among_others_nobody_is_refused_with_what_to_set(monkeypatch):
    monkeypatch.setattr(metaflow_config, "DEFAULT_METADATA", "service")
    with pytest.raises(
        UnknownUserError, match=r"METAFLOW_USER: not set.* service metadata.*: set METAFLOW_USER to your name"
    ):
        ensure_user()
