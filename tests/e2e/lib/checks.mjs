// The runner: named checks one after another, and the closing line that tests/run counts.

/** Longer than a check needs on a busy machine. */
const CHECK_MAX_MS = 120_000;

const counts = { passed: 0, failed: 0, skipped: 0 };
const only = process.argv.slice(2);

/** Whether the command line asks for the part of this name, or for nothing in particular. */
export const isWanted = (part) => only.length === 0 || only.includes(part);

/** Tells whether it held. */
export async function check(name, body, maxMs = CHECK_MAX_MS) {
  const began = performance.now();
  let alarm;
  const late = new Promise((_, refuse) => {
    alarm = setTimeout(() => refuse(new Error(`not done in ${maxMs} ms`)), maxMs);
  });
  try {
    await Promise.race([body(), late]);
    counts.passed += 1;
    console.log(`ok    ${name} (${Math.round(performance.now() - began)} ms)`);
    return true;
  } catch (error) {
    counts.failed += 1;
    console.log(
      `FAIL  ${name}\n      ${String(error?.stack ?? error).replaceAll("\n", "\n      ")}`,
    );
    return false;
  } finally {
    clearTimeout(alarm);
  }
}

export function skip(name, why) {
  counts.skipped += 1;
  console.log(`skip  ${name}: ${why}`);
}

/** A figure for whoever reads the log. */
export const note = (what, value) => console.log(`      ${what}: ${value}`);

export function close() {
  const { passed, failed, skipped } = counts;
  console.log(`checks: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}
