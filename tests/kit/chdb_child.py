"""Runs in an environment of its own, where chdb is: statements in, rows out, as lines of JSON.

Input: {"run": SQL, "params": {…}} or {"add": table, "rows": [[…], …]}. Output: {"rows": [[…], …]} or
{"error": text}. One session for its whole life; it ends with its input.
"""

import json
import sys

from chdb.session import Session


def main() -> None:
    session = Session()
    session.query("CREATE DATABASE facts ENGINE = Atomic")
    session.query("USE facts")
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = {"rows": answer_to(session, asked)}
        except RuntimeError as error:
            answer = {"error": str(error)[:2000]}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def answer_to(session: Session, asked: dict) -> list:
    if "add" in asked:
        rows = "\n".join(json.dumps(row) for row in asked["rows"])
        session.query(f"INSERT INTO {asked['add']} FORMAT JSONCompactEachRow\n{rows}")
        return []
    told = session.query(asked["run"], "JSONCompactEachRow", params=asked["params"])
    return [json.loads(row) for row in str(told).splitlines()]


if __name__ == "__main__":
    main()
