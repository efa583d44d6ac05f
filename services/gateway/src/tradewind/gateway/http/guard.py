"""What stands before every route: the token, and the size of what is sent."""

import hmac
from http import HTTPStatus

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradewind.gateway.http.problems import response

OPEN_PATHS = frozenset({"/v1/health"})
BLOBS = "/v1/blobs"
BODY_LIMIT = 4 * 2**20
"""Bytes of any body but a blob's, which has a limit of its own."""


class Guard:
    """Plain ASGI: Starlette's middleware base would cost every request a task and a queue."""

    def __init__(self, app: ASGIApp, *, token: str) -> None:
        self._app = app
        self._expected = f"bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] not in OPEN_PATHS and not self._knows(scope):
            refusal = response(
                HTTPStatus.UNAUTHORIZED,
                "send the header `Authorization: Bearer <token>`; it is in the file `token` of the home",
                headers={"WWW-Authenticate": "Bearer"},
            )
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive if scope["path"] == BLOBS else _limited(receive), send)

    def _knows(self, scope: Scope) -> bool:
        for name, value in scope["headers"]:
            if name == b"authorization":
                scheme, _, token = value.partition(b" ")
                return hmac.compare_digest(scheme.lower() + b" " + token.strip(), self._expected)
        return False


def _limited(receive: Receive) -> Receive:
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > BODY_LIMIT:
            raise HTTPException(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"the body has more than {BODY_LIMIT} bytes; send large files as blobs",
            )
        return message

    return counted
