"""Soak: many records, many runs, and faults in an order that a seed decides.

    python -m tests.faults.soak --records 1000000 --minutes 10 --seed 7

Real servers, workers, clocks and a web server, on which a person starts, pauses, cancels and
undoes bulk actions, while all of them are killed, stopped and flushed. At the end everything must
have ended by itself, with every record changed exactly as often as its results say.
"""

from __future__ import annotations

import argparse
import random
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import psycopg

from massadmin.auth import passwords
from massadmin.embedded.postgres import Postgres
from massadmin.embedded.valkey import Valkey
from massadmin.runs.states import ENDED
from tests.databases import sibling
from tests.faults.crew import Crew, Process, Web
from tests.faults.person import PASSWORD, Answer, Person
from tests.faults.servers import Server, own
from tests.faults.witness import Witness
from tests.processes import until

CITIES = ("Oslo", "Rome", "Lima", "Baku")
# So many runs are kept going at once.
GOING = 3
# When everything is left in peace, something must move within this time.
PATIENCE = 180.0
# What befalls it, and how often compared to each other.
FAULTS = {
    "kill_worker": 6,
    "ask_worker_to_leave": 3,
    "stop_worker": 3,
    "kill_clock": 2,
    "kill_web": 1,
    "flush_valkey": 3,
    "kill_valkey": 2,
    "fill_valkey": 2,
    "drop_connections": 3,
    "restart_postgres": 1,
}
DEEDS = ("pause", "resume", "resume", "cancel", "undo", "edit")
SET_UP = (
    "INSERT INTO users (name, email, role, password_hash)"
    " VALUES ('Admin', 'admin@example.com', 'admin', %(password)s)",
    "INSERT INTO custom_fields (module, key, label, type)"
    " VALUES ('contacts', 'changes', 'Changes', 'number')",
    "INSERT INTO contacts (first_name, last_name, email, city)"
    " SELECT 'First' || i, 'Last' || i, 'p' || i || '@example.com',"
    " (%(cities)s::text[])[1 + i %% 4] FROM generate_series(1, %(records)s) AS i",
)


class Soak:
    """The servers, the processes, and what is done to them."""

    def __init__(self, records: int, seed: int, folder: Path) -> None:
        self.records, self.random = records, random.Random(seed)  # noqa: S311 - no secret
        self.done: Counter[str] = Counter()
        self.answers: Counter[int] = Counter()
        self._stack = ExitStack()
        self.postgres: Server = self._stack.enter_context(own(Postgres, folder / "postgres"))
        self.valkey: Server = self._stack.enter_context(own(Valkey, folder / "valkey"))
        environ = {
            "PATH": "/usr/bin:/bin",
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.valkey.url,
            "SECRET_KEY": secrets.token_hex(),
            "MASSADMIN_DATA_DIR": str(folder / "data"),
        }
        self.crew = Crew(environ, folder)
        self._stack.callback(self.crew.end)
        self.crew.command("migrate")
        self.witness = Witness(self.postgres.url, self.valkey.url)
        self._stack.callback(self.witness.close)
        with psycopg.connect(self.postgres.url.replace("+psycopg", "")) as connection:
            for sql in SET_UP:
                binds = {
                    "password": passwords.hashed(PASSWORD),
                    "cities": list(CITIES),
                    "records": records,
                }
                connection.execute(sql, binds)
        self.workers, self.clocks = self.crew.workers(2), [self.crew.clock() for _ in range(2)]
        self.web: Web = self.crew.web()
        self.person = Person()
        self.person.sign_in(self.web.address)
        self._form: list[tuple[str, str]] = []

    def close(self) -> None:
        """End everything."""
        self._stack.close()

    # What is done to the processes and the servers.

    def kill_worker(self) -> None:
        self._again(self.workers, "worker", signal.SIGKILL)

    def ask_worker_to_leave(self) -> None:
        self._again(self.workers, "worker", signal.SIGTERM)

    def stop_worker(self) -> None:
        worker = self.random.choice(self.workers)
        worker.send(signal.SIGSTOP)
        self._wait(0.2, 4)
        worker.send(signal.SIGCONT)

    def kill_clock(self) -> None:
        self._again(self.clocks, "clock", signal.SIGKILL)

    def kill_web(self) -> None:
        self.web.kill()
        self.web = self.crew.web()

    def flush_valkey(self) -> None:
        self.witness.queue.flushall()

    def kill_valkey(self) -> None:
        self.valkey.kill()
        self._wait(0.2, 4)
        self.valkey.start()

    def fill_valkey(self) -> None:
        self.witness.queue.config_set("maxmemory", 1)
        self._wait(0.2, 4)
        self.witness.queue.config_set("maxmemory", 0)

    def drop_connections(self) -> None:
        address = sibling(self.postgres.url, "massadmin", "postgres").replace("+psycopg", "")
        with psycopg.connect(address) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'massadmin'"
            )

    def restart_postgres(self) -> None:
        self.random.choice((self.postgres.stop, self.postgres.kill))()
        self._wait(0.2, 4)
        self.postgres.start()

    # What the person does.

    def start(self) -> None:
        """Start a run over all records or a quarter of them, unless enough of them go on."""
        if len(self._runs("state NOT IN ('completed', 'cancelled', 'failed')")) >= GOING:
            return
        city = self.random.choice(("", *CITIES))
        selected = self.person.all_of(self.web.address, f"f=city%3Ais%3A{city}" if city else "")
        self._form = self.person.previewed(self.web.address, selected)
        self._answered(self.person.submit(self.web.address, self._form))

    def submit_again(self) -> None:
        """Send the last form once more: it was answered, or the server died of it."""
        if self._form:
            self._answered(self.person.submit(self.web.address, self._form))

    def pause(self) -> None:
        self._steer("pause", "state IN ('queued', 'running')")

    def resume(self) -> None:
        self._steer("resume", "state IN ('paused', 'pausing', 'holding')")

    def cancel(self) -> None:
        if self.random.random() < 0.2:
            self._steer("cancel", "state IN ('queued', 'running', 'paused')")

    def undo(self) -> None:
        runs = self._runs("state IN ('completed', 'cancelled') AND action <> 'undo'")
        if runs and self.random.random() < 0.3:
            url = f"{self.web.address}/runs/{self.random.choice(runs)}"
            token = self.person.token(self.person.get(url))
            self._answered(self.person.get(f"{url}/undo", [token]))

    def edit(self) -> None:
        url = f"{self.web.address}/contacts/{self.random.randint(1, self.records)}"
        token = self.person.token(self.person.get(url))
        name = f"Edited {self.random.random()}"
        self._answered(self.person.get(f"{url}/fields/last_name", [token, ("value", name)]))

    # How it goes.

    def trouble(self, seconds: float) -> None:
        """Let people and faults have their way with it for so long."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            (fault,) = self.random.choices(list(FAULTS), list(FAULTS.values()))
            for step in ("start", fault, self.random.choice(DEEDS), "submit_again"):
                self._try(step)
            self._revive()
            self._wait(0.1, 2)

    def peace(self) -> bool:
        """Leave it alone but for resuming what stands still; whether all of it comes to its end."""
        seen, since = -1, time.monotonic()
        while not self.witness.quiet():
            self._revive()
            self._try("resume")
            results = self.witness.one("SELECT sum(size) FROM run_chunks WHERE state = 'done'") or 0
            if results != seen:
                seen, since = results, time.monotonic()
            if time.monotonic() - since > PATIENCE:
                return False
            time.sleep(1)
        return True

    def _try(self, step: str) -> None:
        """Do a step. That the web server is away, or says that the database is, is no surprise."""
        try:
            getattr(self, step)()
            self.done[step] += 1
        except (OSError, AssertionError, ValueError) as error:
            self.done[f"{step}, in vain"] += 1
            print(f"  {step}: {str(error)[:120]}", flush=True)

    def _again(self, processes: list[Process], command: str, number: signal.Signals) -> None:
        """Have one of them end, and another one take its place."""
        at = self.random.randrange(len(processes))
        processes[at].send(number)
        until(lambda: not processes[at].alive, f"the {command} ends")
        processes[at] = getattr(self.crew, command)()

    def _revive(self) -> None:
        """Start those again that left by themselves, as the supervisor does."""
        for processes, command in ((self.workers, "worker"), (self.clocks, "clock")):
            for at, each in enumerate(processes):
                if not each.alive:
                    self.done[f"{command} left by itself"] += 1
                    processes[at] = getattr(self.crew, command)()

    def _runs(self, which: str) -> list[int]:
        return [row[0] for row in self.witness.rows(f"SELECT id FROM runs WHERE {which}")]

    def _steer(self, verb: str, which: str) -> None:
        runs = self._runs(which)
        if runs:
            self._answered(self.person.steer(self.web.address, self.random.choice(runs), verb))

    def _answered(self, answer: Answer) -> None:
        self.answers[answer.status] += 1

    def _wait(self, least: float, most: float) -> None:
        time.sleep(self.random.uniform(least, most))


def main() -> int:
    """Soak it; the exit status: 0 when nothing was lost, doubled or stuck."""
    parser = argparse.ArgumentParser(description="Faults in random order, over many records.")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    given = parser.parse_args()
    print(f"seed {given.seed}, {given.records:,} records, {given.minutes:g} minutes", flush=True)
    with tempfile.TemporaryDirectory(
        prefix="massadmin-soak-", ignore_cleanup_errors=True
    ) as folder:
        soak = Soak(given.records, given.seed, Path(folder))
        try:
            soak.trouble(60 * given.minutes)
            ended = soak.peace()
            _tell(soak)
            broken = soak.witness.faults()
            broken += [] if ended else [f"nothing moved for {PATIENCE:.0f} s"]
            broken += [f"{soak.answers[500]} answers were errors"] if soak.answers[500] else []
        finally:
            soak.close()
    for each in broken:
        print(f"BROKEN: {each}")
    print(f"seed {given.seed}: {'broken' if broken else 'all is well'}")
    return 1 if broken else 0


def _tell(soak: Soak) -> None:
    for name, count in sorted(soak.done.items()):
        print(f"{count:>9,}  {name}")
    for status, count in sorted(soak.answers.items()):
        print(f"{count:>9,}  answers of status {status}")
    ended = ", ".join(f"'{state}'" for state in ENDED)
    runs = (
        "SELECT action, state, count(*), sum(total)::bigint, sum(succeeded)::bigint,"
        " sum(skipped)::bigint, sum(failed)::bigint"
        f" FROM runs WHERE state IN ({ended}) GROUP BY 1, 2 ORDER BY 1, 2"
    )
    for action, state, count, total, *tally in soak.witness.rows(runs):
        told = ", ".join(
            f"{number:,} {name}"
            for number, name in zip(tally, ("succeeded", "skipped", "failed"), strict=True)
        )
        print(f"{count:>9,}  runs of {action} {state}: {total:,} records, {told}")
    print(f"{soak.witness.one('SELECT count(*) FROM run_results'):>9,}  results")
    print(f"{soak.witness.queue.dbsize():>9,}  keys left in the queue")


if __name__ == "__main__":
    sys.exit(main())
