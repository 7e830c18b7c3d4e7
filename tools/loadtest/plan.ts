import type { Prompt } from './prompts.js';

export type Load =
  | {
      readonly kind: 'closed';
      readonly users: number;
      /** Of each user; `null` = as many as the duration allows. */
      readonly requests: number | null;
      readonly thinkMs: number;
      readonly durationMs: number | null;
    }
  | {
      readonly kind: 'open';
      /** A second. */
      readonly rate: number;
      readonly arrivals: 'constant' | 'poisson';
      readonly maxInFlight: number;
      readonly durationMs: number;
    };

export interface LocalPlan {
  readonly replicas: number;
  readonly configFile: string | null;
  readonly kill: 'SIGKILL' | 'SIGTERM' | null;
}

export interface Asking {
  readonly seed: number;
  readonly model: string;
  readonly stream: boolean;
  readonly prompts: readonly Prompt[];
  /** The prompts are asked as they are; else each gets a number. */
  readonly verbatim: boolean;
  readonly repeats: number;
  readonly same: boolean;
  readonly sessions: number;
  readonly turns: number;
  readonly maxTokens: number | null;
  readonly keys: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
}

/** `null` = not asked for. */
export interface Objectives {
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly firstTokenP95Ms: number | null;
  readonly gapMs: number | null;
  readonly maxErrorRate: number | null;
  readonly minHitRate: number | null;
  readonly minRate: number | null;
}

export interface Plan {
  readonly urls: readonly URL[];
  readonly local: LocalPlan | null;
  readonly load: Load;
  readonly warmupMs: number;
  readonly timeoutMs: number;
  readonly asking: Asking;
  readonly objectives: Objectives;
  readonly files: { readonly markdown: string | null; readonly html: string | null; readonly json: string | null };
}
