/** A bounded map of texts: what was set longest ago goes when there are too many. */
export class LatestOf extends Map<string, string> {
  constructor(private readonly most: number) {
    super();
  }

  override set(key: string, value: string): this {
    this.delete(key);
    super.set(key, value);
    if (this.size > this.most) this.delete(this.keys().next().value!);
    return this;
  }
}
