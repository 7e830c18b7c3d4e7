/** Local servers unload an idle model after a while (Ollama: 5 minutes); what a call taught is not believed longer. */
const LEARNED_FOR_MS = 5 * 60_000;

/** Whether a model is loaded: what its server tells, otherwise what the calls taught. */
export class WarmState {
  private told: boolean | null = null;
  private learned: boolean | null = null;
  private learnedAt = 0;

  /** `null` where the server does not tell and nothing was learned lately. */
  get value(): boolean | null {
    if (this.told !== null) return this.told;
    return performance.now() - this.learnedAt > LEARNED_FOR_MS ? null : this.learned;
  }

  /** The server said so; `null` = it does not tell (any more). */
  tell(loaded: boolean | null): void {
    this.told = loaded;
  }

  /** A call brought content, so the model is loaded. */
  answered(): void {
    if (this.told !== null) this.told = true;
    this.learn(true);
  }

  /** A call waited for its first token in vain. */
  keptWaiting(): void {
    this.learn(false);
  }

  private learn(warm: boolean): void {
    this.learned = warm;
    this.learnedAt = performance.now();
  }
}
