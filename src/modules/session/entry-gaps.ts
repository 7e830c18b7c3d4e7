const FIRST_GAP_MS = 500;
const LONGEST_GAP_MS = 60_000;
const MAX_ENTRIES = 10_000;

/** When entries that could not be delivered are tried again: after 0.5, 1, 2, 4 s and so on, 60 s at most. */
export class EntryGaps {
  /** Longest known first. */
  private readonly waits = new Map<string, { readonly gapMs: number; readonly until: number }>();

  /** @param now milliseconds of a clock that never goes back */
  constructor(private readonly now: () => number = () => performance.now()) {}

  isDue(id: string): boolean {
    return (this.waits.get(id)?.until ?? 0) <= this.now();
  }

  failed(id: string): void {
    const gapMs = Math.min(LONGEST_GAP_MS, 2 * (this.waits.get(id)?.gapMs ?? FIRST_GAP_MS / 2));
    this.waits.set(id, { gapMs, until: this.now() + gapMs });
    if (this.waits.size > MAX_ENTRIES) this.waits.delete(this.waits.keys().next().value!);
  }

  forget(id: string): void {
    this.waits.delete(id);
  }
}
