"""Serves AWS's APIs on a free port of the loopback interface, directly and as an HTTP proxy: `python -m standin`.

Some APIs are called at host names that begin with an account's or a bucket's; a client that takes this for its proxy needs none of
them to exist. Prints the port, then runs until its standard input ends, so that it cannot outlive the test that started it. Requests for
APIs that nothing here has are printed: a test that passes has made none.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from standin import additions
from standin.account import Account
from standin.eks import Eks


class StandIn:
    """Hands requests for EKS to the EKS of these tests, all others to moto."""

    def __init__(self) -> None:
        self.port = 0
        self._accounts: dict[str, Account] = {}
        self._eks = Eks(self._account)
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answers one request (PEP 3333)."""
        # Called as a proxy, it is asked for a whole address, and moto would take the host's first part for a bucket.
        asked = urlsplit(environ["REQUEST_URI"])
        environ["REQUEST_URI"] = environ["RAW_URI"] = asked._replace(scheme="", netloc="").geturl()
        environ["HTTP_HOST"] = f"127.0.0.1:{self.port}"
        region, service = _scope(environ.get("HTTP_AUTHORIZATION", ""))
        if service != "eks":
            return self._answer_of_moto(service, environ, start_response)
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length)
        # Not PATH_INFO, which has lost what is escaped in the path: ARNs hold slashes.
        with self._lock:
            status, document, code = self._eks.answer(
                region, environ["REQUEST_METHOD"], asked.path, environ.get("QUERY_STRING", ""), body
            )
        headers = [("Content-Type", "application/json")]
        if code is not None:
            headers.append(("x-amzn-ErrorType", code))
        start_response(f"{status} -", headers)
        return [json.dumps(document).encode()]

    def _answer_of_moto(self, service: str, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        try:
            return self._moto(environ, start_response)
        except NotImplementedError as error:
            # An error of the server would be tried again for minutes.
            print(f"MISSING {service}: {error}", file=sys.stderr, flush=True)
            if "json" in environ.get("CONTENT_TYPE", ""):
                body = json.dumps({"__type": "NotImplementedException", "message": str(error)})
            else:
                body = f"<ErrorResponse><Error><Code>NotImplemented</Code><Message>{error}</Message></Error></ErrorResponse>"
            start_response("400 Bad Request", [("Content-Type", environ.get("CONTENT_TYPE") or "text/xml")])
            return [body.encode()]

    def _account(self, region: str) -> Account:
        return self._accounts.setdefault(region, Account(f"http://127.0.0.1:{self.port}", region))


def _scope(authorization: str) -> tuple[str, str]:
    """Region and service that a request is signed for."""
    for part in authorization.replace(",", " ").split():
        if part.startswith("Credential="):
            _, _, region, service, _ = part.split("/")[-5:]
            return region, service
    return "", ""


def main() -> None:
    """Serves until standard input ends."""
    # Else moto knows none of AWS's own policies, and a misspelt one could not be told from a real one.
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    additions.install()
    stand_in = StandIn()
    server = make_server("127.0.0.1", 0, stand_in, threaded=True, request_handler=MotoRequestHandler)
    stand_in.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
