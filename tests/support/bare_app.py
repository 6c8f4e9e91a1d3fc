"""The least that answers a prediction over HTTP, to measure against: a bare ASGI handler around ONNX Runtime.

It parses JSON, builds the row and runs the session, with neither validation nor metrics, log, ids or limits. Run as a
module with BUNDLES, MODEL_DIGEST and PORT, under the server settings of the app.
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import uvicorn

from infra.contracts.bundle import fetch


def bare(files: dict[str, bytes]) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(files["model.onnx"], options, providers=["CPUExecutionProvider"])
    card = json.loads(files["model.json"])
    codes = {name: {value: index for index, value in enumerate(known)} for name, known in card["categorical"].items()}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message["body"]
            if not message["more_body"]:
                break
        given = json.loads(body or "null") or card["reference"]  # a GET asks whether it is up
        row = [codes[name][given[name]] if name in codes else given[name] for name in card["features"]]
        late = session.run(["probability"], {"features": np.array([row], dtype=np.float32)})[0]
        answer = json.dumps({"probability_late": float(late[0, 0])}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    return app


if __name__ == "__main__":
    uvicorn.run(
        bare(fetch(Path(os.environ["BUNDLES"]), os.environ["MODEL_DIGEST"])),
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
        lifespan="off",
    )
