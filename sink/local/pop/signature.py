"""Who sends this request, and did they sign it? POP's two schemes, by parameters and by header.

Signature version 1 (aliyunsdkcore, pop-core) signs query and form together:

    StringToSign = METHOD & %2F & pct(sorted k=v); base64(hmac-sha1(secret + "&", StringToSign))

ACS3-HMAC-SHA256 (the newer SDKs) signs method, path, query, chosen headers and the body's hash with the bare
secret. Every nonce is good once, a time stamp for 15 minutes. The refusal of a wrong version 1 signature
ends in a colon and the string that was signed: aliyunsdkcore splits the text there, and tells its user
that the secret is wrong if the string is its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

from sink.local.accounts import AccessKey, Accounts
from sink.local.pop.errors import PopError
from sink.local.pop.nonces import Nonces
from sink.local.wire import Request

MAXIMUM_SKEW_SECONDS = 15 * 60
SCHEME = "ACS3-HMAC-SHA256"
ACS3 = re.compile(SCHEME + r"\s+Credential=([^,]+),\s*SignedHeaders=([^,]+),\s*Signature=([0-9a-f]+)")
DIGESTS = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}


class Authentication:
    """Checks signatures against the known keys; remembers nonces for as long as their time stamp is good."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._nonces = Nonces(2 * MAXIMUM_SKEW_SECONDS)

    def check(self, request: Request, parameters: Mapping[str, str], now: float) -> AccessKey:
        """Return the key that signed the request, made of `parameters`. Raises PopError if none did."""
        by_header = request.headers.get("authorization", "").startswith(SCHEME)
        key = self._check_header(request, now) if by_header else self._check_v1(request, parameters, now)
        sent_in = request.headers if by_header else parameters
        nonce = sent_in.get("x-acs-signature-nonce" if by_header else "SignatureNonce")
        if not self._nonces.is_new(f"{key.key_id} {nonce}", now):
            raise PopError(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
        return key

    def _check_v1(self, request: Request, parameters: Mapping[str, str], now: float) -> AccessKey:
        for name in ("AccessKeyId", "Signature", "SignatureNonce", "SignatureMethod", "Timestamp"):
            if not parameters.get(name):
                raise PopError(400, f"Missing{name}", f"{name} is mandatory for this action.")
        _check_time(parameters["Timestamp"], now)
        key = self._find(parameters["AccessKeyId"])
        digest = DIGESTS.get(parameters["SignatureMethod"])
        if digest is None:
            raise PopError(400, "InvalidSignatureMethod", "The specified SignatureMethod is not supported.")
        signed = string_to_sign(request.method, parameters)
        expected = base64.b64encode(hmac.digest(f"{key.secret}&".encode(), signed.encode(), digest))
        if not hmac.compare_digest(expected, parameters["Signature"].encode()):
            raise _mismatch(signed)
        _check_token(key, parameters.get("SecurityToken"), now)
        return key

    def _check_header(self, request: Request, now: float) -> AccessKey:
        match = ACS3.fullmatch(request.headers["authorization"].strip())
        if match is None:
            raise PopError(400, "IncompleteSignature", "The Authorization header is not well formed.")
        key_id, names, signature = match.groups()
        _check_time(request.headers.get("x-acs-date", ""), now)
        key = self._find(key_id)
        canonical = canonical_request(request, names)
        signed = f"{SCHEME}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        expected = hmac.digest(key.secret.encode(), signed.encode(), hashlib.sha256).hex()
        sent_hash = request.headers.get("x-acs-content-sha256")
        if expected != signature or sent_hash != hashlib.sha256(request.body).hexdigest():
            raise _mismatch(canonical)
        _check_token(key, request.headers.get("x-acs-security-token"), now)
        return key

    def _find(self, key_id: str) -> AccessKey:
        key = self._accounts.find(key_id)
        if key is None:
            raise PopError(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        return key


def string_to_sign(method: str, parameters: Mapping[str, str]) -> str:
    """The text that a client of version 1 has to sign."""
    canonical = _canonical({name: value for name, value in parameters.items() if name != "Signature"})
    return f"{method}&%2F&{_percent(canonical)}"


def canonical_request(request: Request, names: str) -> str:
    """The text whose hash a client of ACS3 has to sign; `names` are the headers, joined by semicolons."""
    headers = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in names.split(";"))
    query = _canonical(dict(parse_qsl(request.query, keep_blank_values=True)))
    body = request.headers.get("x-acs-content-sha256", "")
    return "\n".join((request.method, request.path or "/", query, headers, names, body))


def _canonical(parameters: Mapping[str, str]) -> str:
    return "&".join(f"{_percent(name)}={_percent(parameters[name])}" for name in sorted(parameters))


def _percent(text: str) -> str:
    return quote(text, safe="~")


def _mismatch(signed: str) -> PopError:
    text = f"Specified signature is not matched with our calculation. server string to sign is:{signed}"
    return PopError(400, "SignatureDoesNotMatch", text)


def _check_time(stamp: str, now: float) -> None:
    try:
        sent_at = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise PopError(
            400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted."
        ) from error
    if abs(now - sent_at) > MAXIMUM_SKEW_SECONDS:
        text = f"Specified time stamp or date value is expired. It is {now - sent_at:+.0f} seconds old."
        raise PopError(400, "InvalidTimeStamp.Expired", text)


def _check_token(key: AccessKey, token: str | None, now: float) -> None:
    if key.security_token is not None and not token:
        raise PopError(400, "MissingSecurityToken", "SecurityToken is mandatory for this action.")
    if (token or None) != key.security_token:
        text = "Specified SecurityToken does not belong to the AccessKey Id."
        raise PopError(400, "InvalidSecurityToken.MismatchWithAccessKey", text)
    if key.expires_at is not None and now > key.expires_at:
        raise PopError(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
