// Preloaded into the service when a tool starts it; the service itself stays ignorant of npm.
// 1. A terminal or a process group gives a signal to every process, and npm and the launcher pass it on as well: the
//    same signal twice within a moment is one signal, not somebody in a hurry.
// 2. npm runs scripts through a shell that dies of a signal without passing it on: when it is gone, stop in good order.
const ECHO_MS = 500;
const PARENT_CHECK_MS = 500;

const lastSeen = new Map();
const emit = process.emit;
process.emit = function (name, ...rest) {
  if (name === 'SIGTERM' || name === 'SIGINT') {
    const now = performance.now();
    const echo = now - (lastSeen.get(name) ?? -Infinity) < ECHO_MS;
    lastSeen.set(name, now);
    if (echo) return true;
  }
  return emit.call(this, name, ...rest);
};

if (process.env.npm_lifecycle_event) {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, PARENT_CHECK_MS).unref();
}
