import type { KeyWatch } from './idempotency-store.js';

/** Those of this process who wait for the end of a key's request. */
export class KeyWatchers {
  private readonly waiting = new Map<string, Set<() => void>>();

  /** Keys that are waited for. */
  get size(): number {
    return this.waiting.size;
  }

  watch(name: string): KeyWatch {
    const { promise, resolve } = Promise.withResolvers<void>();
    const others = this.waiting.get(name) ?? new Set();
    this.waiting.set(name, others.add(resolve));
    return {
      ended: promise,
      close: () => {
        if (others.delete(resolve) && others.size === 0) this.waiting.delete(name);
      },
    };
  }

  tell(name: string): void {
    const waiting = this.waiting.get(name);
    if (waiting) for (const wake of waiting) wake();
  }
}
