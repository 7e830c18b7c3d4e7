/**
 * A bounded map of texts: the latest are kept. In two halves, of which the older one goes as a whole when the newer one
 * is full: a single map from which the oldest is deleted with every request would be copied by V8 again and again.
 */
export class LatestOf {
  private newer = new Map<string, string>();
  private older = new Map<string, string>();

  /** @param most entries; at least half as many of the latest are kept */
  constructor(private readonly most: number) {}

  has(key: string): boolean {
    return this.newer.has(key) || this.older.has(key);
  }

  get(key: string): string | undefined {
    return this.newer.get(key) ?? this.older.get(key);
  }

  set(key: string, value: string): void {
    this.newer.set(key, value);
    if (this.newer.size * 2 <= this.most) return;
    this.older = this.newer;
    this.newer = new Map();
  }

  delete(key: string): void {
    this.newer.delete(key);
    this.older.delete(key);
  }
}
