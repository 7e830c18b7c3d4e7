/** With more, the data of one step would push each other out of the processor's caches. */
const MOST_TOGETHER = 32;

const waiting: (() => void)[] = [];
let isScheduled = false;

/**
 * Calls `step` once this turn of the event loop has read its sockets. All that came with it go on then beside each other,
 * in step, as far as none of them has to wait: what one has run, the next finds in the processor's caches. One by one they
 * find everything cold and take a quarter more CPU (docs/adr/0019); one that is alone loses some microseconds.
 *
 * @see Welsh, Culler, Brewer: SEDA, an architecture for well-conditioned, scalable Internet services (SOSP 2001)
 */
export function together(step: () => void): void {
  waiting.push(step);
  schedule();
}

function schedule(): void {
  if (isScheduled || waiting.length === 0) return;
  isScheduled = true;
  setImmediate(goOn);
}

function goOn(): void {
  isScheduled = false;
  const steps = waiting.splice(0, MOST_TOGETHER);
  let done = 0;
  try {
    while (done < steps.length) steps[done++]!();
  } finally {
    waiting.unshift(...steps.slice(done)); // none, unless one has thrown: the process hears of that, the others go on
    schedule();
  }
}
