/**
 * A map of at most `most` entries, which weigh at most `heaviest` together: those that were set the longest ago leave for
 * a new one. Iterates in that order.
 */
export class BoundedMap<K, V> extends Map<K, V> {
  private total = 0;
  /**
   * While the map is full, goes on where it was: a new one would pass all that has left before it finds the oldest. None is
   * kept that does not move: V8 has it hold every table that the map has had since, with all that was in them.
   */
  private oldest: MapIterator<K> | null = null;
  private newest: K | undefined;

  /** @param weigh what a value weighs, always the same for the same value */
  constructor(
    private readonly most: number,
    private readonly heaviest = 0,
    private readonly weigh: (value: V) => number = () => 0,
  ) {
    super();
  }

  /** Of all values together. */
  get weight(): number {
    return this.total;
  }

  override set(key: K, value: V): this {
    // what is the newest stays where it is: V8 copies a map anew for every so many entries that are taken out of it
    if (key === this.newest && value === this.get(key)) return this;
    this.delete(key);
    super.set(key, value);
    this.newest = key;
    this.total += this.weigh(value);
    if (!this.isOver) this.oldest = null;
    while (this.isOver) this.leave();
    return this;
  }

  override delete(key: K): boolean {
    const value = this.get(key);
    if (value !== undefined) this.total -= this.weigh(value);
    return super.delete(key);
  }

  override clear(): void {
    super.clear();
    this.total = 0;
    this.oldest = null;
  }

  private get isOver(): boolean {
    return this.size > this.most || this.total > this.heaviest;
  }

  private leave(): void {
    this.oldest ??= this.keys();
    const { value, done } = this.oldest.next();
    if (done) this.oldest = null;
    else this.delete(value);
  }
}
