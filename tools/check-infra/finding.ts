/** Something that is wrong in a file, and what mends it. */
export interface Finding {
  /** Below the root. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly problem: string;
  readonly cure: string;
}

/** One thing that is checked about `infra/`. */
export interface InfraCheck {
  readonly name: string;
  /** Why it cannot be made on this machine, as a sentence that tells the cure; `null` = it can. Left out: it always can. */
  readonly missing?: () => string | null | Promise<string | null>;
  /** @param root the folder that has `infra/` and `docs/` */
  readonly run: (root: string) => Finding[] | Promise<Finding[]>;
}

/** The line at which an offset of a text is, from 1. */
export const lineAt = (text: string, offset: number): number => text.slice(0, Math.max(0, offset)).split('\n').length;
