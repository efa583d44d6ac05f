"""What can go wrong between a caller and a control plane. Every text is one sentence for a person."""


class TradewindError(Exception):
    """The root of all errors of this package."""


class Unavailable(TradewindError):
    """Nobody answers, or the control plane cannot answer now. It was tried several times; later may help."""


class Unexpected(TradewindError):
    """An answer that this client does not understand, or a fault of the server (status 5xx)."""


class Refused(TradewindError):
    """The control plane understood the call and says no (RFC 9457 problem details).

    `field` is a path into what was sent, such as `spec.roles.0.shape.cpus`, or empty.
    """

    def __init__(self, detail: str, *, status: int, field: str = "") -> None:
        said_already = not field or detail.startswith(f"{field}: ")
        super().__init__(detail if said_already else f"{field}: {detail}")
        self.detail = detail
        self.status = status
        self.field = field


class Unauthorized(Refused):
    """The token is missing, wrong, or not allowed to do this."""


class NotFound(Refused):
    """There is no such thing."""


class Conflict(Refused):
    """It clashes with what is there already."""


class Invalid(Refused):
    """What was sent is not right."""


def refusal(status: int, detail: str, field: str = "") -> TradewindError:
    """The error that an HTTP status stands for."""
    if status >= 500:
        kind = Unavailable if status in {502, 503, 504} else Unexpected
        return kind(detail)
    kinds = {
        400: Invalid,
        401: Unauthorized,
        403: Unauthorized,
        404: NotFound,
        409: Conflict,
        413: Invalid,
        422: Invalid,
    }
    return kinds.get(status, Refused)(detail, status=status, field=field)
