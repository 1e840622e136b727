// Times that somebody promised, as lines of tests/bench/results.jsonl. With RECORD_TIMES=1 they are
// added there and RESULTS.md is written anew; otherwise the log has them.

import { execFileSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { note } from "./checks.mjs";

const COMMAND = "RECORD_TIMES=1 tests/e2e/run live";

let commit;

/** Four significant digits; more would pretend. */
const figure = (value) => Number(value.toPrecision(4));

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return (low + high) / 2;
}

/** A measure of `times` in ms, one a round, each of which should be `goalS` seconds at most. */
export function measured({ browser, root, binary }, id, what, times, goalS) {
  const seconds = times.map((ms) => ms / 1000);
  const value = median(seconds);
  note(what, `${times.map(Math.round).join(", ")} ms`);
  if (!process.env.RECORD_TIMES) return;
  // Once a run: the first line that is recorded changes the tree.
  commit ??= execFileSync("git", ["-C", root, "describe", "--always", "--dirty"], {
    encoding: "utf8",
  }).trim();
  const line = {
    id,
    what,
    unit: "s",
    value: figure(value),
    min: figure(Math.min(...seconds)),
    max: figure(Math.max(...seconds)),
    ceiling: null,
    ceiling_min: null,
    ceiling_max: null,
    ratio: null,
    goal: `<= ${goalS} s each time`,
    met: Math.max(...seconds) <= goalS,
    rounds: times.length,
    conditions: {
      browser: `Chromium ${browser.version().split(".")[0]}`,
      build: binary.includes("/release/") ? "release" : "debug",
      database: "SQLite",
      counters: "memory",
      cores: cpus().length,
    },
    commit,
    command: COMMAND,
  };
  const bench = join(root, "tests/bench");
  appendFileSync(join(bench, "results.jsonl"), `${JSON.stringify(line)}\n`);
  execFileSync(join(bench, "report"));
}
