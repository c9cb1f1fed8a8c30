"""Who sends this request, and did they sign it? MNS's own scheme, an HMAC-SHA1 over the request line.

    Authorization: MNS {AccessKeyId}:{base64(hmac-sha1(secret, StringToSign))}
    StringToSign = VERB \\n CONTENT-MD5 \\n CONTENT-TYPE \\n DATE \\n MNSHeaders Resource

(document 27487, "Request signatures"). Everything is signed exactly as it was sent: the resource is the
raw path and query, and Content-MD5 is never compared with the body, because official clients disagree
whether it is the base64 of the digest or of its hexadecimal form. `security-token` stays unsigned.
A refusal shows the string that this server signed: comparing it with one's own is how such bugs end.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime

from sink.local.accounts import AccessKey, Accounts
from sink.local.mns.errors import MnsError
from sink.local.wire import Request

MAXIMUM_SKEW_SECONDS = 15 * 60


def authenticate(request: Request, accounts: Accounts, now: float) -> AccessKey:
    """Return the key that signed the request. Raises `MnsError` with the vendor's code if none did."""
    key_id, signature = _credentials(request.headers)
    _check_date(request.headers, now)
    key = accounts.find(key_id)
    if key is None:
        raise MnsError(403, "InvalidAccessKeyId", f"The AccessKey Id you provided is not exist: {key_id}")
    _check_signature(request, key, signature)
    _check_token(request.headers, key, now)
    _check_owner(request, key)
    return key


def string_to_sign(request: Request) -> str:
    """The text that the client has to sign."""
    headers = request.headers
    mns_headers = "".join(
        f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith("x-mns-")
    )
    resource = request.path + ("?" + request.query if request.query else "")
    fixed = (headers.get(name, "") for name in ("content-md5", "content-type", "date"))
    return "\n".join((request.method, *fixed, mns_headers + resource))


def _credentials(headers: Mapping[str, str]) -> tuple[str, str]:
    authorization = headers.get("authorization")
    if authorization is None:
        raise MnsError(400, "MissingAuthorizationHeader", "Authorization header is required.")
    scheme, _, credentials = authorization.partition(" ")
    key_id, colon, signature = credentials.strip().partition(":")
    if scheme != "MNS" or not (key_id and colon and signature):
        raise MnsError(400, "InvalidAuthorizationHeader", "The Authorization header format is invalid.")
    return key_id, signature


def _check_date(headers: Mapping[str, str], now: float) -> None:
    date = headers.get("x-mns-date") or headers.get("date")
    if date is None:
        raise MnsError(400, "MissingDateHeader", "Date header is required.")
    try:
        sent_at = parsedate_to_datetime(date).timestamp()
    except ValueError as error:
        raise MnsError(400, "InvalidDateHeader", "The Date header format is invalid.") from error
    if abs(now - sent_at) > MAXIMUM_SKEW_SECONDS:
        raise MnsError(
            408, "TimeExpired", f"The http request you sent is expired: {now - sent_at:+.0f} seconds."
        )


def _check_signature(request: Request, key: AccessKey, signature: str) -> None:
    # @alicloud/mns asks for `//queues/…` at an endpoint that ends in a slash, but signs `/queues/…`.
    paths = (request.path, "/" + request.path.lstrip("/"))
    if any(_signature(key, replace(request, path=path)) == signature for path in paths):
        return
    text = (
        "The request signature we calculated does not match the signature you provided. Check your key and "
        f"signing method. The server signed: {string_to_sign(request)!r}"
    )
    raise MnsError(403, "SignatureDoesNotMatch", text)


def _signature(key: AccessKey, request: Request) -> str:
    digest = hmac.digest(key.secret.encode(), string_to_sign(request).encode(), hashlib.sha1)
    return base64.b64encode(digest).decode()


def _check_token(headers: Mapping[str, str], key: AccessKey, now: float) -> None:
    if headers.get("security-token") != key.security_token:
        raise MnsError(403, "AccessDenied", "The security-token header does not belong to this AccessKey Id.")
    if key.expires_at is not None and now > key.expires_at:
        raise MnsError(403, "AccessDenied", "The security token has expired.")


def _check_owner(request: Request, key: AccessKey) -> None:
    owner, dot, _ = request.host.partition(".mns.")
    if dot and owner != key.account_id:
        text = "The OwnerId that your Access Key Id associated to is forbidden for this operation."
        raise MnsError(403, "AccessDenied", text)
