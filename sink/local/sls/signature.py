"""Who sends this request, and did they sign it? The two schemes of SLS, with STS tokens.

    Authorization: LOG {AccessKeyId}:{base64(hmac(secret, StringToSign))}
    Authorization: SLS4-HMAC-SHA256 Credential={AccessKeyId}/{scope},Signature={hex}
    scope = {yyyymmdd}/{region}/sls/aliyun_v4_request

("Request signatures" of the SLS API reference.) The first names its hash in `x-log-signaturemethod`:
`hmac-sha1`, or `hmac-sha256` from newer SDKs over the same layout. `x-log-date` stays out of that
layout, because official clients add it after signing. `service.py` calls this before anything else.
A refusal shows the text that this server signed: comparing it with one's own is how such bugs end.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, quote, unquote

from sink.local.accounts import AccessKey, Accounts
from sink.local.sls.errors import SlsError, parameter_invalid, unauthorized
from sink.local.wire import Request

MAXIMUM_SKEW_SECONDS = 15 * 60
_HASHES = {"hmac-sha1": "sha1", "hmac-sha256": "sha256"}
_V1 = re.compile(r"LOG (?P<key_id>[^:]*):(?P<signature>.+)")
_V4 = re.compile(
    r"SLS4-HMAC-SHA256 Credential=(?P<key_id>[^/]*)/"
    r"(?P<scope>(?P<date>\d{8})/(?P<region>[^/]*)/sls/aliyun_v4_request),\s*Signature=(?P<signature>[0-9a-f]+)"
)


def authenticate(request: Request, accounts: Accounts, now: float) -> AccessKey:
    """Return the key that signed the request. Raises `SlsError` with the vendor's code if none did."""
    claim = _claim(request.headers)
    _check_time(request.headers, now)
    key = _find(accounts, claim["key_id"])
    _check_signature(request, key, claim)
    _check_token(request.headers, key, now)
    return key


def _claim(headers: Mapping[str, str]) -> re.Match[str]:
    authorization = headers.get("authorization")
    if authorization is None:
        raise unauthorized("no authentication info in header: Authorization is required")
    claim = _V1.fullmatch(authorization) or _V4.fullmatch(authorization)
    if claim is None:
        scheme = authorization.partition(" ")[0]
        raise parameter_invalid(f"Http extend authorization : {scheme} pair is invalid.")
    if not claim["key_id"]:
        raise SlsError(400, "MissAccessKeyId", "x-log-accesskeyid does not exist in header.")
    return claim


def _find(accounts: Accounts, key_id: str) -> AccessKey:
    if not re.fullmatch(r"[\w.\-]+", key_id):
        raise SlsError(401, "InvalidAccessKeyId", f"The access key id you provided is invalid: {key_id}.")
    key = accounts.find(key_id)
    if key is None:
        raise unauthorized(f"AccessKeyId not found: {key_id}")
    return key


def _check_time(headers: Mapping[str, str], now: float) -> None:
    date = headers.get("x-log-date") or headers.get("date")
    if date is None:
        raise SlsError(400, "MissingDate", "Date does not exist in http header.")
    skew = now - _seconds(date)
    if abs(skew) > MAXIMUM_SKEW_SECONDS:
        text = "Request time exceeds server time more than 15 minutes."
        raise SlsError(400, "RequestTimeTooSkewed", f"{text} It differs by {skew:+.0f} seconds.")


def _seconds(date: str) -> float:
    try:
        if date.endswith("Z"):
            return datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError) as error:
        raise SlsError(400, "InvalidDateFormat", f"Date {date} must follow RFC822.") from error


def _check_token(headers: Mapping[str, str], key: AccessKey, now: float) -> None:
    if headers.get("x-acs-security-token") != key.security_token:
        raise unauthorized("The security token you provided is invalid.")
    if key.expires_at is not None and now > key.expires_at:
        raise unauthorized("The security token you provided has expired.")


def _check_signature(request: Request, key: AccessKey, claim: re.Match[str]) -> None:
    is_v1 = claim.re is _V1
    text, signature = _sign_v1(request, key.secret) if is_v1 else _sign_v4(request, key.secret, claim)
    if not hmac.compare_digest(signature.encode(), claim["signature"].encode()):
        message = f"signature {claim['signature']} not matched. The server signed: {text!r}"
        raise SlsError(401, "SignatureNotMatch", message)


def _sign_v1(request: Request, secret: str) -> tuple[str, str]:
    headers = request.headers
    method = headers.get("x-log-signaturemethod")
    if method is None:
        raise SlsError(400, "MissingSignatureMethod", "x-log-signaturemethod does not exist in http header.")
    if method not in _HASHES:
        raise SlsError(400, "InvalidSignatureMethod", f"signature method {method} is unsupported.")
    text = _string_to_sign_v1(request)
    return text, base64.b64encode(hmac.digest(secret.encode(), text.encode(), _HASHES[method])).decode()


def _string_to_sign_v1(request: Request) -> str:
    headers = request.headers
    date = headers.get("date") or headers.get("x-log-date", "")
    names = sorted(name for name in headers if _is_signed(name) and name != "x-log-date")
    log_headers = "".join(f"{name}:{headers[name]}\n" for name in names)
    pairs = "&".join(f"{name}={value}" for name, value in _query(request))
    resource = unquote(request.path) + ("?" + pairs if pairs else "")
    fixed = (headers.get("content-md5", ""), headers.get("content-type", ""), date)
    return "\n".join((request.method, *fixed, log_headers + resource))


def _sign_v4(request: Request, secret: str, claim: re.Match[str]) -> tuple[str, str]:
    text = _canonical_request(request)
    digest = hashlib.sha256(text.encode()).hexdigest()
    date = request.headers.get("x-log-date", "")
    signed = f"SLS4-HMAC-SHA256\n{date}\n{claim['scope']}\n{digest}"
    derived = ("aliyun_v4" + secret).encode()
    for part in (claim["date"], claim["region"], "sls", "aliyun_v4_request"):
        derived = hmac.digest(derived, part.encode(), "sha256")
    return text, hmac.digest(derived, signed.encode(), "sha256").hex()


def _canonical_request(request: Request) -> str:
    headers = request.headers
    names = sorted(name for name in headers if _is_signed(name) or name in ("content-type", "host"))
    pairs = "&".join(f"{name}={quote(value, safe='~')}" if value else name for name, value in _query(request))
    signed_headers = "".join(f"{name}:{headers[name].strip()}\n" for name in names)
    body_hash = hashlib.sha256(request.body).hexdigest()
    path = unquote(request.path)
    return "\n".join((request.method, path, pairs, signed_headers, ";".join(names), body_hash))


def _is_signed(name: str) -> bool:
    return name.startswith(("x-log-", "x-acs-")) and not name.startswith("x-log-meta-")


def _query(request: Request) -> list[tuple[str, str]]:
    return sorted(parse_qsl(request.query, keep_blank_values=True))
