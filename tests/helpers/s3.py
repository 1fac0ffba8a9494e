#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""An object store that takes only requests which are signed as S3's are, with AWS4-HMAC-SHA256.

s3.py PORT DIRECTORY KEY_ID KEY REGION: on the loopback interface. Objects are files below DIRECTORY; why a
request is refused is a line on standard error.

The signature is made anew from the request as it has come: "Authenticating Requests (AWS Signature
Version 4)" in the reference of the Amazon S3 API.
"""
import hashlib
import hmac
import http.server
import os
import re
import sys
import urllib.parse

PORT, DIRECTORY, KEY_ID, KEY, REGION = int(sys.argv[1]), *sys.argv[2:6]
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request,\s*"
    r"SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{64})"
)


def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def complaint(request, body):
    """What is wrong with the signature of a request; None if nothing is."""
    match = AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
    if not match:
        return "no signature"
    key_id, day, region, names, signature = match.groups()
    if (key_id, region) != (KEY_ID, REGION):
        return "another key or region"
    names = names.split(";")
    if names != sorted(names) or "host" not in names or "x-amz-date" not in names:
        return "headers are not signed, or not in order"
    if any(name not in request.headers for name in names):
        return "a header is signed that is not there"
    digest = hashlib.sha256(body).hexdigest()
    if request.headers.get("x-amz-content-sha256") != digest:
        return "the digest is not that of the content"
    moment = request.headers["x-amz-date"]
    if not re.fullmatch(day + r"T\d{6}Z", moment):
        return "another date"

    path = urllib.parse.quote(urllib.parse.unquote(request.path), safe="/-_.~")
    headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in names)
    canonical = f"{request.command}\n{path}\n\n{headers}\n{';'.join(names)}\n{digest}"
    scope = f"{day}/{REGION}/s3/aws4_request"
    key = b"AWS4" + KEY.encode()
    for part in scope.split("/"):
        key = sign(key, part)
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    wanted = sign(key, f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashed}").hex()
    return None if hmac.compare_digest(signature, wanted) else "the signature does not match"


class Store(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is one packet

    def answer(self, status, content=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        wrong = complaint(self, body)
        name = os.path.normpath(DIRECTORY + urllib.parse.unquote(self.path))
        if wrong or not name.startswith(DIRECTORY + "/"):
            print(self.command, self.path, wrong or "another directory", file=sys.stderr, flush=True)
            self.answer(403)
        elif self.command == "PUT":
            os.makedirs(os.path.dirname(name), exist_ok=True)
            with open(name, "wb") as file:
                file.write(body)
            self.answer(200)
        elif not os.path.isfile(name):
            self.answer(404)
        elif self.command == "GET":
            with open(name, "rb") as file:
                self.answer(200, file.read())
        else:
            os.remove(name)
            self.answer(204)

    do_PUT = do_GET = do_DELETE = serve

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Store).serve_forever()
