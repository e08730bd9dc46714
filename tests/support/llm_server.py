"""A local chat-completions endpoint that answers from a script, well or badly."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

Request = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What the server sends: ``drop`` closes the connection instead; ``delay`` in seconds comes first."""

    body: Any = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drop: bool = False


def completion(
    content: Any, *, finish: str = "stop", refusal: str | None = None, usage: tuple[int, int] | None = (100, 20)
) -> Answer:
    """A chat completion; content that is no string is sent as JSON."""
    text = content if isinstance(content, str) or content is None else json.dumps(content, ensure_ascii=False)
    message = {"role": "assistant", "content": text, "refusal": refusal}
    body: dict[str, Any] = {"id": "1", "object": "chat.completion", "created": 0, "model": "test"}
    body["choices"] = [{"index": 0, "finish_reason": finish, "message": message}]
    if usage is not None:
        body["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    return Answer(body)


def error(status: int, message: str = "out of order", *, code: str | None = None, **headers: str) -> Answer:
    """An error as endpoints send it; ``retry_after`` becomes the header Retry-After."""
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return Answer({"error": {"message": message, "type": "error", "code": code}}, status, named)


class Server:
    """Serves while it is entered: first the script, one answer a request, then whatever ``then`` returns.

    Attributes:
        requests: the body of each request, in order.
        authorizations: the Authorization header of each.
    """

    def __init__(self, then: Callable[[Request], Answer], script: Iterable[Answer] = ()) -> None:
        self.then = then
        self.script = list(script)
        self.requests: list[Request] = []
        self.authorizations: list[str | None] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body in one piece: apart, each answer would wait 40 ms for an acknowledgement.
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._send(server._answer(request, self.path, self.headers.get("Authorization")))

            def _send(self, answer: Answer) -> None:
                # Not a sleep, so that the end of a test ends it.
                server._over.wait(answer.delay)
                if answer.drop:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                page = answer.body if isinstance(answer.body, str) else json.dumps(answer.body, ensure_ascii=False)
                kind = "text/html" if isinstance(answer.body, str) else "application/json"
                try:
                    self.send_response(answer.status)
                    for name, value in {"Content-Type": kind, **answer.headers}.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(page.encode())))
                    self.end_headers()
                    self.wfile.write(page.encode())
                    self.wfile.flush()
                except ConnectionError:
                    # Whoever asked has not waited.
                    self.close_connection = True

            def log_message(self, *arguments: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=lambda: self._http.serve_forever(poll_interval=0.01), daemon=True)

    @property
    def url(self) -> str:
        """For the option base_url."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def _answer(self, request: Request, path: str, authorization: str | None) -> Answer:
        with self._lock:
            self.requests.append(request)
            self.authorizations.append(authorization)
            if path != "/v1/chat/completions":
                return error(404, f"no such path: {path}")
            return self.script.pop(0) if self.script else self.then(request)

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
