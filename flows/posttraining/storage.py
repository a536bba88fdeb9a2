"""Plain files in an object store (`s3://bucket/prefix`) or a folder (`file:///path`), by one set of functions."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse


class StorageError(RuntimeError):
    """A location that cannot be read or written; the message names it."""


class DamagedFileError(StorageError):
    """A file whose content is not what was written; the message names it."""


def join(uri: str, *parts: str) -> str:
    """`uri` with path segments added."""
    return "/".join([uri.rstrip("/"), *(part.strip("/") for part in parts)])


def upload_folder(folder: Path, uri: str) -> None:
    """Makes the files below `uri` the same as those of `folder`; files that an earlier attempt left there go."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    if uri.startswith("file://"):
        target = _folder_of(uri)
        shutil.rmtree(target, ignore_errors=True)
        for name, path in files.items():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / name)
        return
    bucket, prefix = _bucket_and_key(uri)
    client = _s3()
    for name, path in files.items():
        client.upload_file(str(path), bucket, f"{prefix}/{name}")
    for key in set(_keys(bucket, prefix)) - {f"{prefix}/{name}" for name in files}:
        client.delete_object(Bucket=bucket, Key=key)


def download_folder(uri: str, folder: Path) -> None:
    """Copies every file below `uri` into `folder`.

    Raises:
        StorageError: if there is no file below `uri`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if uri.startswith("file://"):
        source = _folder_of(uri)
        if not source.is_dir():
            raise StorageError(f"{uri}: there is no such folder")
        shutil.copytree(source, folder, dirs_exist_ok=True)
        return
    bucket, prefix = _bucket_and_key(uri)
    keys = list(_keys(bucket, prefix))
    if not keys:
        raise StorageError(f"{uri}: there are no files below it")
    for key in keys:
        target = folder / key.removeprefix(f"{prefix}/")
        target.parent.mkdir(parents=True, exist_ok=True)
        _s3().download_file(bucket, key, str(target))


def read_bytes(uri: str) -> bytes | None:
    """The content of one file; None if there is no such file.

    Raises:
        DamagedFileError: if its content does not fit the checksum that the store has of it.
    """
    if uri.startswith("file://"):
        path = _folder_of(uri)
        return path.read_bytes() if path.is_file() else None
    from botocore.exceptions import FlexibleChecksumError

    bucket, key = _bucket_and_key(uri)
    client = _s3()
    try:
        return client.get_object(Bucket=bucket, Key=key)["Body"].read()
    except FlexibleChecksumError as error:
        raise DamagedFileError(f"{uri}: is damaged: {error}") from error
    except client.exceptions.NoSuchKey:
        return None
    except client.exceptions.NoSuchBucket as error:
        raise StorageError(f"{uri}: there is no bucket {bucket}") from error


def local_file(uri: str, scratch: Path) -> Path | None:
    """A file of this machine with the content of one in the store: itself, where it lies here; None if there is no such file.

    Args:
        uri: the file.
        scratch: folder for a copy, where one is needed.
    """
    if uri.startswith("file://"):
        path = _folder_of(uri)
        return path if path.is_file() else None
    from botocore.exceptions import ClientError

    bucket, key = _bucket_and_key(uri)
    scratch.mkdir(parents=True, exist_ok=True)
    target = scratch / key.rpartition("/")[2]
    try:
        _s3().download_file(bucket, key, str(target))
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in ("404", "NoSuchKey"):
            return None
        raise StorageError(f"{uri}: cannot be read: {error}") from error
    return target


def upload_file(file: Path, uri: str) -> None:
    """Writes one file from one of this machine, replacing what was there."""
    if uri.startswith("file://"):
        path = _folder_of(uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        shutil.copyfile(file, partial)
        partial.replace(path)
        return
    bucket, key = _bucket_and_key(uri)
    _s3().upload_file(str(file), bucket, key)


def write_bytes(uri: str, content: bytes) -> None:
    """Writes one file, replacing what was there."""
    if uri.startswith("file://"):
        path = _folder_of(uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        partial.write_bytes(content)
        partial.replace(path)
        return
    bucket, key = _bucket_and_key(uri)
    _s3().put_object(Bucket=bucket, Key=key, Body=content)


def list_files(uri: str) -> list[str]:
    """Paths of all files below `uri`, relative to it, sorted."""
    return sorted(list_sizes(uri))


def list_sizes(uri: str) -> dict[str, int]:
    """Bytes of every file below `uri`, by its path relative to it."""
    if uri.startswith("file://"):
        folder = _folder_of(uri)
        files = (path for path in sorted(folder.rglob("*")) if path.is_file())
        return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
    bucket, prefix = _bucket_and_key(uri)
    return {key.removeprefix(f"{prefix}/"): size for key, size in _objects(bucket, prefix)}


def _keys(bucket: str, prefix: str) -> Iterator[str]:
    for key, _size in _objects(bucket, prefix):
        yield key


def _objects(bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
    for page in _s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/"):
        for entry in page.get("Contents", []):
            if not entry["Key"].endswith("/"):
                yield entry["Key"], entry["Size"]


def _folder_of(uri: str) -> Path:
    return Path(unquote(urlparse(uri).path))


def _bucket_and_key(uri: str) -> tuple[str, str]:
    if not uri.startswith("s3://"):
        raise StorageError(f"{uri}: must start with s3:// or file:///")
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not bucket or not key.strip("/"):
        raise StorageError(f"{uri}: must name a bucket and a path in it")
    return bucket, key.strip("/")


@cache
def _s3() -> Any:
    import boto3

    # Metaflow's variable alone is set where a person has configured only Metaflow for an S3-compatible store.
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("METAFLOW_S3_ENDPOINT_URL")
    return boto3.client("s3", endpoint_url=endpoint)
