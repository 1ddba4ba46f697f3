"""The local port's own reading of the common messages: what it takes, h11 reads as the same."""

import h11
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from chtc_jupyter.proxy import plain_http

HOST = b"Host: lab.localhost:1\r\n"
NAMES = [
    *(b"Host", b"host", b"Accept", b"Cookie", b"Content-Length", b"content-length", b"Transfer-Encoding", b"Upgrade"),
    *(
        b"Connection",
        b"connection",
        b"Expect",
        b"TE",
        b"Trailer",
        b"X-A",
        b"",
        b"X A",
        b"X\xff",
        b"X-A ",
        b" X-A",
        b"X:",
    ),
]
VALUES = [
    *(
        b"1",
        b"0",
        b"3",
        b"+3",
        b"3, 3",
        b"-1",
        b"0x3",
        b"",
        b" 1 ",
        b"\t1\t",
        b"lab.localhost",
        b"keep-alive",
        b"close",
    ),
    *(b"Keep-Alive", b"Upgrade", b"keep-alive, Upgrade", b"chunked", b"identity", b"100-continue", b"websocket"),
    *(b"a\x00b", b"a\rb", b"a\nb", b"a\x7fb", b"a\xffb", b"a\x0bb", b"a;b=c; d=e"),
]
ENDS = [b"\r\n"] * 6 + [b"\n", b"\r", b"\r\n ", b"\r\n\t"]
fields = st.lists(
    st.sampled_from([b"Connection: keep-alive\r\n", b"Cookie: a=b\r\n"])
    | st.builds(
        lambda name, colon, value, end: name + colon + value + end,
        st.sampled_from(NAMES) | st.binary(max_size=4),
        st.sampled_from([b": ", b":", b" :", b" "]),
        st.sampled_from(VALUES) | st.binary(max_size=6),
        st.sampled_from(ENDS),
    ),
    max_size=3,
).map(b"".join)
tails = st.sampled_from([b"", b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\r\nabc", b"\r\nabcdef", b"\r\n\r\n", b"\r\n\x00"])
requests = st.builds(
    lambda start, host, lines, tail: start + host + lines + tail,
    st.sampled_from([b"GET /lab HTTP/1.1\r\n"])
    | st.sampled_from(
        [
            *(b"GET / HTTP/1.1\r\n", b"GET /lab?a=b HTTP/1.1\r\n", b"GET /\xff HTTP/1.1\r\n", b"GET  / HTTP/1.1\r\n"),
            *(b"POST / HTTP/1.1\r\n", b"HEAD / HTTP/1.1\r\n", b"GET / HTTP/1.0\r\n", b"get / HTTP/1.1\r\n"),
            *(b"GET / HTTP/1.1\n", b"GET /a b HTTP/1.1\r\n", b"GET / HTTP/1.12\r\n", b"\r\nGET / HTTP/1.1\r\n"),
        ]
    ),
    st.sampled_from([HOST, HOST, HOST, b""]),
    fields,
    tails,
)
answers = st.builds(
    lambda start, length, lines, tail: start + length + lines + tail,
    st.sampled_from([b"HTTP/1.1 200 OK\r\n"])
    | st.sampled_from(
        [
            *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 304 Not Modified\r\n", b"HTTP/1.1 404 \r\n", b"HTTP/1.1 500\r\n"),
            *(b"HTTP/1.1 101 X\r\n", b"HTTP/1.1 204 No Content\r\n", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 2000 OK\r\n"),
            *(b"HTTP/1.1 200 a\x00\r\n", b"HTTP/1.1  200 OK\r\n", b"HTTP/1.1 200 OK\n", b"HTTP/1.1 503 a\xffb\r\n"),
        ]
    ),
    st.sampled_from([b"Content-Length: 3\r\n", b"Content-Length: 3\r\n", b"Content-Length: 0\r\n", b""]),
    fields,
    tails,
)


@given(requests)
def test_request_that_is_taken_is_the_same_to_h11(data):
    found = plain_http.read_request(data)
    event("taken" if found else "left to h11")
    if not found:
        return
    http = h11.Connection(h11.SERVER)
    http.receive_data(data)
    request = http.next_event()
    assert (request.method, request.target, list(request.headers.raw_items())) == (b"GET", *found)
    assert type(http.next_event()) is h11.EndOfMessage
    assert http.trailing_data == (b"", False)
    assert http.their_state is h11.DONE  # and the connection goes on
    assert plain_http.read_request(plain_http.write_request(*found)) == found


@given(answers)
def test_answer_that_is_taken_is_the_same_to_h11(data):
    found = plain_http.read_answer(data)
    event("taken" if found else "left to h11")
    if not found:
        return
    http = h11.Connection(h11.CLIENT)
    http.send(h11.Request(method="GET", target="/", headers=[("Host", "lab.localhost")]))
    http.send(h11.EndOfMessage())
    http.receive_data(data + b"x" * found.to_come)
    answer = http.next_event()
    assert list(answer.headers.raw_items()) == found.fields
    assert found.start == b"HTTP/1.1 %d %b" % (answer.status_code, answer.reason)
    body = b""
    while type(came := http.next_event()) is h11.Data:
        body += bytes(came.data)
    assert type(came) is h11.EndOfMessage
    assert body == found.body + b"x" * found.to_come
    assert http.trailing_data == (b"", False)
    assert http.their_state is h11.DONE
    assert plain_http.read_answer(plain_http.write_answer(found, found.fields)) == found


@pytest.mark.parametrize(
    "line",
    [
        *(
            b"Content-Length: 0",
            b"Transfer-Encoding: chunked",
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            HOST[:-2],
        ),
        *(b"Connection: close", b"Expect: 100-continue", b"X: a\x00", b"X : a", b" X: a", b"X: a\r\n b", b"X: a\nY: b"),
    ],
)
def test_request_with_more_to_it_is_left_to_h11(line):
    plain = b"GET /api HTTP/1.1\r\n%bConnection: keep-alive\r\n%b\r\n"
    assert plain_http.read_request(plain % (HOST, b""))
    assert plain_http.read_request(plain % (HOST, line + b"\r\n")) is None


def test_requests_sent_at_once_are_left_to_h11():
    assert plain_http.read_request(b"GET / HTTP/1.1\r\n%b\r\n" % HOST * 2) is None


@pytest.mark.parametrize("field", [(b"X", b"a\r\nY: b"), (b"X: y", b"a"), (b"Connection", b"close"), (b"X", b" a")])
def test_nothing_is_sent_that_would_be_read_otherwise(field):
    host = (b"Host", b"lab.localhost")
    assert plain_http.write_request(b"/", [host]) == b"GET / HTTP/1.1\r\nHost: lab.localhost\r\n\r\n"
    assert plain_http.write_request(b"/", [host, field]) is None
    assert plain_http.write_request(b"/ HTTP/1.1\r\nX: y", [host]) is None
    answer = plain_http.read_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab")
    assert answer
    assert plain_http.write_answer(answer, [*answer.fields, field]) is None
    assert plain_http.write_answer(answer, answer.fields) == b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"
