"""Upload blobs, and ask for them."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from tradewind.gateway.blobs import SHA256, Blob, BlobRefused, BlobTooLarge
from tradewind.gateway.http.problems import Refused, answers, not_found
from tradewind.gateway.parts import Parts


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["blobs"])

    @router.post(
        "/v1/blobs",
        status_code=HTTPStatus.CREATED,
        responses=answers(HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    async def upload(
        request: Request,
        sha256: Annotated[
            str | None, Query(pattern=f"^{SHA256.pattern}$", description="What the bytes must hash to.")
        ] = None,
    ) -> Blob:
        """Keep the bytes of the body under their sha256, such as a tar of a work directory. Again is
        harmless.
        """
        try:
            return await parts.blobs.add(request.stream(), expected=sha256)
        except BlobTooLarge as why:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(why)) from None
        except BlobRefused as why:
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, str(why), field="sha256") from None
        except ClientDisconnect:
            raise Refused(HTTPStatus.BAD_REQUEST, "the upload ended early") from None

    @router.head("/v1/blobs/{sha256}", response_class=Response, responses=answers(HTTPStatus.NOT_FOUND))
    async def has(sha256: Annotated[str, Path(pattern=f"^{SHA256.pattern}$")]) -> Response:
        """Whether a blob is here; its size is the Content-Length."""
        size = parts.blobs.size(sha256)
        if size is None:
            raise not_found(f"there is no blob {sha256}")
        return Response(headers={"Content-Length": str(size)})

    return router
