"""Some hundred ways to send something wrong."""

import gzip
import zlib
from base64 import b64encode

from tests.parts.collector import WRITE_KEY

_BASIC = "Basic " + b64encode(f"{WRITE_KEY}:".encode()).decode()
_GOOD = b'{"type":"track","event":"E","userId":"u1"}'
_GZIPPED = gzip.compress(_GOOD, mtime=0)
_BOMB = gzip.compress(b"a" * (20 << 20), mtime=0)


def _deep(levels: int, inside: bytes = b"1") -> bytes:
    return b'{"a":' * levels + inside + b"}" * levels


_VALUES = (
    b"null", b"true", b"0", b"-1", b"1.5", b"1e308", b'""', b'" "', b'"x"', b"[]", b"[[]]", b"[1]", b"{}", b'{"a":1}',
    b'"null"', b'"\\u0000"', b'"' + b"a" * 5000 + b'"', b'["a","b"]', b'{"":{}}', b"99999999999999999999",
)  # fmt: skip

# Bodies that are no request at all, or one that is odd in every way.
BAD_BODIES: list[bytes] = [
    b"", b" ", b"\n", b"{", b"}", b"[", b"]", b'"', b"nul", b"NaN", b"Infinity", b"-Infinity", b"undefined", b"'",
    b"1e999",
    b"{}{}", b"[]", b"[1]", b"null", b"true", b"1", b'"text"', b'{"batch"}', b'{"batch":}', b'{"batch":[}',
    b'{"batch":[,]}',
    b'{"batch":[1,]}', b'{"a":1,}', b"{'a':1}", b"{a:1}", b'{"a":01}', b'{"a":+1}', b'{"a":.5}', b'{"a":1.}',
    b'{"a":0x1}',
    b'{"a":"\x01"}', b'{"a":"\\x"}', b'{"a":"\\u12"}', b'{"a":NaN}', b'{"a":Infinity}', b'{"a":1e400}', b"// x\n{}",
    b"\xff", b"\xfe\xff\x00{\x00}", b"\xff\xfe{\x00}\x00", b"\x00", b"\x00" * 10_000, b"\x1f\x8b", _GZIPPED,
    zlib.compress(_GOOD), b"\xef\xbb\xbf", b"\xef\xbb\xbf" + _GOOD, b"\xef\xbb\xbf\xef\xbb\xbf{}", b"a=b&c=d",
    b"<xml/>",
    b"--boundary\r\n", b"%PDF-1.7", b"PAR1", b"event,user\nE,u1\n", b"[" * 100_000, b"{" * 100_000, b'{"a":' * 100_000,
    b"[" * 513 + b"]" * 513, b"[" * 1024 + b"]" * 1024, b"[" * 1025 + b"]" * 1025, _deep(513), _deep(1000), _deep(5000),
    b'"' + b"a" * (5 << 20), b'{"a":"' + b"a" * (5 << 20) + b'"}', b" " * (5 << 20), b"[" + b"0," * 600_000 + b"0]",
    b'{"batch":[' + b"0," * 2500 + b"0]}", b'{"batch":[' + b"{}," * 2500 + b"{}]}", b'{"batch":{}}', b'{"batch":"x"}',
    b'{"batch":null}', b'{"batch":0}', b'{"batch":true}', b'{"batch":[],"batch":[1]}', b'{"BATCH":[]}',
    b'{"batch":[[]]}',
    *(b'{"batch":[],"' + key + b'":' + value + b"}" for key in (b"sentAt", b"context", b"integrations")
        for value in _VALUES),
    *(b'{"userId":' + value + b"}" for value in _VALUES),
    *(b'{"event":' + value + b',"userId":"u1"}' for value in _VALUES),
]  # fmt: skip

# Items that can be no event, as they stand in a batch.
BAD_ITEMS: list[bytes] = [
    *(value for value in _VALUES if value not in (b'{"a":1}', b'{"":{}}')),
    *(b'{"userId":"u1","type":' + value + b"}" for value in _VALUES),
    *(b'{"userId":"u1","type":"track","event":' + value + b"}"
        for value in (b"null", b"true", b'""', b'" "', b"[]", b"{}")),
    *(
        b'{"userId":"u1","type":"page","' + key + b'":' + value + b"}"
        for key in (b"properties", b"traits", b"context", b"integrations")
        for value in _VALUES
        if not value.startswith(b"{") and value not in (b"null", b"[]")
    ),
    *(
        b'{"type":"page","' + key + b'":' + value + b"}"
        for key in (b"userId", b"anonymousId")
        for value in (b"null", b"true", b"0", b"-1", b'""', b'" "', b"[]", b"{}", b'"null"', b'"\\u0000"', b'["a"]')
    ),
    *(
        b'{"type":"page","traits":{"email":' + value + b"}}"
        for value in (b'"x"', b'"@"', b'"a@"', b'"@b"', b'"a b@c"', b'"a@b c"', b'"a@b@c"', b"5", b"[]", b"null",
            b'"none"')
    ),
    *(
        b'{"type":"page","traits":{"phone":' + value + b"}}"
        for value in (b'"12"', b'"+"', b'"call me"', b"12", b"[]", b'"' + b"9" * 300 + b'"', b'"+00000000000"',
            b"1e300")
    ),
    b'{"type":"page","userId":"u1","messageId":"' + b"x" * 101 + b'"}',
    b'{"type":"page","userId":"u1","messageId":"' + "é".encode() * 101 + b'"}',
    b'{"type":"page","userId":"u1","name":"' + b"x" * 33_000 + b'"}',
    b'{"type":"page","userId":"u1","properties":{"x":"' + b"x" * 300_000 + b'"}}',
    b'{"type":"page","userId":"' + b"x" * 40_000 + b'"}',
    b'{"type":"page","userId":"u1","context":{"traits":{"x":[' + b'"a",' * 20_000 + b'"a"]}}}',
    b'{"type":"fax","userId":"u1","properties":' + _deep(300) + b"}",
    b'{"type":"alias","previousId":"a0"}',
    b'{"type":"group","groupId":"g","traits":{"email":"office@x.fr"}}',
    b'{"type":"page","context":{"externalIds":[{"type":"shopify","id":"1"},{"type":"x y","id":"1"},5,null]}}',
    b'{"type":"page","context":{"device":{"id":"null"}}}',
]  # fmt: skip

_PATHS = ("/v1/track", "/v1/batch", "/v1/import", "/beacon/v1/batch", "/v1/m")
# (method, path, headers, body): wrong in what stands around the body.
BAD_REQUESTS: list[tuple[str, str, dict[str, str], bytes]] = [
    *((method, path, {}, b"") for path in _PATHS for method in ("GET", "PUT", "DELETE", "PATCH", "HEAD", "TRACE")),
    *(
        ("POST", "/v1/track", {"authorization": value}, _GOOD)
        for value in (
            "", "Basic", "Basic =", "Basic ====", "Basic *", "Basic \xe9", "Bearer", "Digest x",
            "x" * 9000,
            "Basic " + "A" * 8000, "Basic " + b64encode(b"\x00:").decode(), "Basic " + b64encode(b"\xff\xfe:").decode(),
            "Basic " + b64encode(b"wk_other:").decode(), "Bearer wk_other", _BASIC + "x", _BASIC.lower(),
        )
    ),
    *(
        ("POST", path, {"authorization": _BASIC, "content-encoding": value}, body)
        for path in ("/v1/track", "/v1/batch")
        for value in ("gzip", "deflate", "br", "zstd", "compress", "gzip, gzip", "gzip, gzip, gzip", "identity", "",
            ",", "\xe9")
        for body in (_GOOD, b"", _BOMB, _GZIPPED[:-4], _GZIPPED + b"x")
    ),
    *(
        ("POST", "/v1/import", {"authorization": _BASIC, "content-type": value}, b"a,b\n1,2\n")
        for value in ("text/csv", "application/json", "application/x-ndjson", "application/parquet", ";", "\xe9",
            "a/b/c", "")
    ),
    *(("POST", f"/v1/track?writeKey={key}", {}, _GOOD)
        for key in ("", "x", "%00", "%FF", "a" * 7000, "&&&=", WRITE_KEY + "%20x")),
    *(
        ("GET", f"/pixel/v1/{rest}", {}, b"")
        for rest in (
            "track", "page", "fax", "track?writeKey=x", f"track?writeKey={WRITE_KEY}", f"page?writeKey={WRITE_KEY}",
            f"track?writeKey={WRITE_KEY}&userId=u&event=E&properties=%7B",
            f"track?writeKey={WRITE_KEY}&event=%FF%FE&userId=%00",
            f"page?writeKey={WRITE_KEY}&userId=u&userId=v&context=5",
            f"page?writeKey={WRITE_KEY}&userId=" + "u" * 30_000,
        )
    ),
    *(("GET", path, {}, b"") for path in ("/sourceConfig/", "/sourceConfig/?writeKey=x", "/v1/projects/x/settings")),
    *(("GET", f"/v1/projects/{key}/settings", {}, b"") for key in ("", "%00", "%2F", "a" * 7000, "..", "%FF")),
    *(("GET", path, {}, b"")
        for path in ("/", "/v1", "/v1/", "//", "/%00", "/../etc/passwd", "/v1/track%2F", "/favicon.ico")),
    *(("POST", path, {"authorization": _BASIC}, _GOOD)
        for path in ("/", "/v1/fax", "/v1/track/more", "/v1//track", "/V1/TRACK")),
    *(
        ("POST", "/v1/track", {"authorization": _BASIC, **headers}, _GOOD)
        for headers in (
            {"origin": ""}, {"origin": "\xe9"}, {"origin": "x" * 5000}, {"x-forwarded-for": "junk, , ,"},
            {"sentat": "junk"},
            {"anonymousid": "\xff"}, {"user-agent": ""}, {"user-agent": "\xe9" * 4000, "origin": "https://x"},
            {"expect": "junk"},
            {"x-retry-count": "many"}, {"content-type": "\xe9"},
        )
    ),
]  # fmt: skip
