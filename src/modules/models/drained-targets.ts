/** A target was taken out of rotation, or put back. */
export interface DrainMark {
  readonly drained: boolean;
  /** Epoch milliseconds; the later mark of a target is the one in force. */
  readonly at: number;
}

/** Where marks of drained targets survive a restart. Every method rejects with `StoreUnavailable` while it is away. */
export interface DrainStore {
  /** Keeps the mark unless it has a later one of the target. */
  post(target: string, mark: DrainMark): Promise<void>;

  /** Marks by target. @param targets of interest; it may bring others too */
  read(targets: readonly string[]): Promise<ReadonlyMap<string, DrainMark>>;
}

/** Which targets are out of rotation, by id: whatever becomes of their entries in the configuration. */
export class DrainedTargets {
  private readonly marks = new Map<string, DrainMark>();

  has(id: string): boolean {
    return this.marks.get(id)?.drained === true;
  }

  of(id: string): DrainMark | null {
    return this.marks.get(id) ?? null;
  }

  /** Somebody asked for it here; later than everything known, whatever the clocks of other replicas say. */
  mark(id: string, drained: boolean, now: number): DrainMark {
    const mark = { drained, at: Math.max(now, (this.of(id)?.at ?? 0) + 1) };
    this.marks.set(id, mark);
    return mark;
  }

  /** Another replica, or an earlier life of this one, knew it. @returns whether it changes the rotation */
  learn(id: string, mark: DrainMark): boolean {
    const known = this.of(id);
    if (known && known.at >= mark.at) return false;
    this.marks.set(id, mark);
    return mark.drained !== (known?.drained ?? false);
  }
}
