import logging

from stream.worker.library_logs import RateLimitedLogFilter


def records(handler_filter: RateLimitedLogFilter, name: str, times: int) -> list[str]:
    passed: list[str] = []
    for number in range(times):
        record = logging.LogRecord(name, logging.ERROR, "client.py", 7, "node %d", (number,), None)
        if handler_filter.filter(record):
            passed.append(record.getMessage())
    return passed


def test_a_library_says_the_same_once_in_a_while() -> None:
    clock = [100.0]
    limited = RateLimitedLogFilter(every_s=30, now=lambda: clock[0])
    assert records(limited, "aiokafka.client", 90) == ["node 0"]
    clock[0] += 30
    assert records(limited, "aiokafka.client", 90) == ["node 0"]


def test_what_it_logs_under_the_name_of_our_module_is_limited_too() -> None:
    assert len(records(RateLimitedLogFilter(), "stream.worker.transport", 90)) == 1


def test_other_words_of_it_are_not_held_back() -> None:
    limited = RateLimitedLogFilter(now=lambda: 0.0)
    assert len(records(limited, "aiokafka.client", 1)) == 1
    other = logging.LogRecord("aiokafka.client", logging.ERROR, "client.py", 8, "x", (), None)
    assert limited.filter(other)


def test_our_own_words_all_pass() -> None:
    assert len(records(RateLimitedLogFilter(), "stream.delivery.webhook", 90)) == 90
