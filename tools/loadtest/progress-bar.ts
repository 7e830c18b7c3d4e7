const WIDTH = 30;

export interface Progress {
  /** 0 to 1. */
  readonly share: number;
  readonly requests: number;
  readonly failed: number;
  readonly inFlight: number;
}

/** On standard error: drawn over on a terminal, else a line every tenth. */
export class ProgressBar {
  private shownTenth = 0;
  private drawn = false;

  constructor(private readonly out: NodeJS.WriteStream = process.stderr) {}

  show({ share, requests, failed, inFlight }: Progress): void {
    const part = Math.min(1, Math.max(0, share));
    const numbers = `${requests} requests, ${failed} failed, ${inFlight} in flight`;
    if (this.out.isTTY) {
      const bar = '#'.repeat(Math.round(part * WIDTH)).padEnd(WIDTH, '.');
      this.out.write(`\r\u001b[K[${bar}] ${Math.floor(part * 100)} %, ${numbers}`);
      this.drawn = true;
    } else if (Math.floor(part * 10) > this.shownTenth) {
      this.shownTenth = Math.floor(part * 10);
      this.out.write(`${this.shownTenth * 10} %: ${numbers}\n`);
    }
  }

  /** A line of its own, above the bar. */
  say(line: string): void {
    this.out.write(this.drawn ? `\r\u001b[K${line}\n` : `${line}\n`);
    this.drawn = false;
  }

  end(): void {
    if (this.drawn) this.out.write('\n');
    this.drawn = false;
  }
}
