import { readFileSync } from 'node:fs';

/** Of `/proc/<pid>/stat`: the kernel counts in hundredths of a second for every program. */
const MS_PER_TICK = 10;
/** User and system time, counted from the field behind the name, which may hold blanks. */
const [USER, SYSTEM] = [11, 12];

/** Processor time of all threads of a process since its start, milliseconds. @throws Error where there is no /proc */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[USER]) + Number(fields[SYSTEM])) * MS_PER_TICK;
}

/** Resident memory of a process, MB of 1024 KB. Linux only; NaN elsewhere. */
export function residentMb(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
  } catch {
    return NaN;
  }
}
