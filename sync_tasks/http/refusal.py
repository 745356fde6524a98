"""A request that is answered with why it was not served."""

from starlette.responses import JSONResponse, Response


class HttpRefusal(Exception):  # noqa: N818 - an answer, not a fault of ours
    """The request is answered with this status and these words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(status, words)
        self.status = status
        self.words = words


def answer_refusal(refusal: HttpRefusal) -> Response:
    """Return a refusal; the connection ends with it where more of the body may be on its way."""
    headers = {"connection": "close"} if refusal.status in {408, 413} else {}
    return JSONResponse({"message": refusal.words}, refusal.status, headers=headers)
