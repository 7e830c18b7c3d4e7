import type { Price, PriceListName } from './prices/price.js';

export const TIERS = ['local', 'cloud'] as const;
export type Tier = (typeof TIERS)[number];

export const PROVIDERS = ['openai', 'azure-openai', 'anthropic', 'simulated'] as const;
export type Provider = (typeof PROVIDERS)[number];

export const CAPABILITIES = ['tools', 'vision', 'json', 'prefill', 'embeddings', 'reasoning'] as const;
export type Capability = (typeof CAPABILITIES)[number];

/** `open` = no calls until the reset time is over; `half_open` = one call probes whether the target is well again. */
export type BreakerState = 'closed' | 'open' | 'half_open';

/** Milliseconds; what each one limits is said in DESIGN section 3 and docs/OPERATIONS.md. */
export interface Timeouts {
  readonly connectMs: number;
  readonly firstTokenMs: number;
  readonly idleMs: number;
  readonly plainMs: number;
  readonly totalMs: number;
  readonly loadMs: number;
}

/** One deployment of one model, as every module may know it: no address, no secret. */
export interface Target {
  readonly id: string;
  readonly tier: Tier;
  readonly provider: Provider;
  readonly model: string;
  /** Tokens of prompt and answer together; `null` when nobody said: such a target is asked, and refuses by itself. */
  readonly contextWindow: number | null;
  readonly capabilities: readonly Capability[];
  /** `null` when nobody said what it costs; a cost is then `null` too, never 0. */
  readonly price: Price | null;
  /** The list of the price table that has the prices of its server; `null` = none, or its owner said what it costs. */
  readonly priceList?: PriceListName | null;
  readonly timeouts: Timeouts;
  readonly simulated: boolean;
  /** Whether it is OpenAI's own server, to which requests of the Responses API can go as they came. Left out: no. */
  readonly takesResponses?: boolean;
}

/**
 * Whether the server of a target loads its model into memory and unloads it again: a local one of OpenAI's protocol
 * (Ollama, LM Studio, llama.cpp, vLLM). A private endpoint of Azure OpenAI is local too, but its models always run.
 */
export const loadsModels = ({ tier, provider }: Pick<Target, 'tier' | 'provider'>): boolean =>
  tier === 'local' && provider === 'openai';

/** Whether a target makes vectors, and nothing else: nobody talks to it. */
export const onlyEmbeds = ({ capabilities }: Pick<Target, 'capabilities'>): boolean =>
  capabilities.length > 0 && capabilities.every((capability) => capability === 'embeddings');

/** The models that make vectors, which callers may ask for by these names. */
export const embeddingModels = (targets: readonly Pick<Target, 'capabilities' | 'model'>[]): string[] =>
  targets.flatMap(({ capabilities, model }) => (capabilities.includes('embeddings') ? [model] : []));

/** Whether a call may have to wait until the model is loaded into memory. */
export const mayHaveToLoad = (target: TargetStatus): boolean => loadsModels(target) && target.warm !== true;

/** A target and how it does at this moment. */
export interface TargetStatus extends Target {
  /** The same object as long as it is the same deployment, also when a reload describes the target anew. */
  readonly deployment: object;
  readonly breaker: BreakerState | 'drained';
  /** Milliseconds until an open breaker lets a probe through; 0 when it is not open. */
  readonly openForMs: number;
  /** `null` where the server does not tell and nothing was learned yet. */
  readonly warm: boolean | null;
  readonly slots: {
    readonly inFlight: number;
    /** Calls that wait for a slot. */
    readonly queued: number;
  };
  readonly calls: CallStatistics;
}

/** Of the latest calls of a target. */
export interface CallStatistics {
  /** Time to first token, milliseconds; `null` before the first one. */
  readonly ttftMs: { readonly p50: number | null; readonly p95: number | null };
  /** Share of failed calls, 0 to 1. */
  readonly errorRate: number;
  readonly lastError: LastError | null;
}

/** The latest failed call of a target. */
export interface LastError {
  /** `outcome` of the attempt. */
  readonly outcome: string;
  /** HTTP status of the server; `null` when it sent none. */
  readonly status: number | null;
  /** ISO 8601 UTC. */
  readonly at: string;
  /** What the server said: may hold anything, a key or a prompt of any tenant. */
  readonly words: string;
}
