"""The user that Metaflow files runs under, where the environment names none."""

from __future__ import annotations

import os
import pwd

from metaflow import metaflow_config
from metaflow.exception import MetaflowException
from metaflow.util import get_username

# What the driver calls the runs of a local stack; runs of either kind are then found in one namespace.
LOCAL_USER = "posttraining"


class UnknownUserError(MetaflowException):
    """Nothing names a user; Metaflow prints the message without a traceback."""

    headline = "Unknown user"


def ensure_user() -> None:
    """Gives Metaflow a user's name where it finds none: it reads variables only, and takes root for nobody.

    Containers often set no variable and have no user but root.

    Raises:
        UnknownUserError: where runs are recorded in a metadata service and nothing tells who this is: there, users and the owners
            of deployed workflows are told apart by name.
    """
    if get_username() is not None:
        return
    name = _login_name()
    if name is None:
        if metaflow_config.DEFAULT_METADATA != "local":
            raise UnknownUserError(
                "METAFLOW_USER: not set, and USER is root or empty. Runs are recorded in Metaflow's "
                f"{metaflow_config.DEFAULT_METADATA} metadata, where others are too: set METAFLOW_USER to your name"
            )
        name = LOCAL_USER
    # The variable for the processes of tasks; the constant, because Metaflow has read the variable already.
    os.environ["METAFLOW_USER"] = metaflow_config.USER = name


def _login_name() -> str | None:
    """The name of the account that this process runs as; none for root and for numbers without an account."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return None
    return None if name == "root" else name
