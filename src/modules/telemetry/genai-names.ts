/**
 * The names of OpenTelemetry's GenAI conventions, which are still moving: this file is the place to change. Attributes are
 * those of spans; labels of Prometheus have `_` for `.`.
 *
 * @see https://github.com/open-telemetry/semantic-conventions-genai (docs/gen-ai/gen-ai-metrics.md, gen-ai-spans.md)
 */
import type { Provider } from '../../common/target.js';

export const GEN_AI = {
  operation: 'gen_ai.operation.name',
  provider: 'gen_ai.provider.name',
  requestModel: 'gen_ai.request.model',
  responseModel: 'gen_ai.response.model',
  inputTokens: 'gen_ai.usage.input_tokens',
  outputTokens: 'gen_ai.usage.output_tokens',
  tokenType: 'gen_ai.token.type',
  errorType: 'error.type',
} as const;

/** `gen_ai.operation.name`. */
export type Operation = 'chat' | 'embeddings';
export const operationOf = ({ operation = 'chat' }: { readonly operation?: Operation }): Operation => operation;

/** `gen_ai.token.type`. */
export const INPUT = 'input';
export const OUTPUT = 'output';

/** `gen_ai.provider.name`: whoever speaks OpenAI's protocol is `openai`; `simulated` is a value of our own. */
export const PROVIDER_NAMES: Readonly<Record<Provider, string>> = {
  openai: 'openai',
  'azure-openai': 'azure.ai.openai',
  anthropic: 'anthropic',
  simulated: 'simulated',
};

/** How a metric of the conventions is called here and there, and its boundaries. */
export interface ConventionalMetric {
  /** By OTLP and in Azure Monitor. */
  readonly name: string;
  /** UCUM. */
  readonly unit: string;
  /** On `/metrics`. */
  readonly prometheus: string;
  readonly buckets: readonly number[];
}

export const OPERATION_DURATION: ConventionalMetric = {
  name: 'gen_ai.client.operation.duration',
  unit: 's',
  prometheus: 'gen_ai_client_operation_duration_seconds',
  buckets: [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92],
};

export const TOKEN_USAGE: ConventionalMetric = {
  name: 'gen_ai.client.token.usage',
  unit: '{token}',
  prometheus: 'gen_ai_client_token_usage',
  buckets: [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864],
};

export const TIME_TO_FIRST_TOKEN: ConventionalMetric = {
  name: 'gen_ai.server.time_to_first_token',
  unit: 's',
  prometheus: 'gen_ai_server_time_to_first_token_seconds',
  buckets: [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
};

export const CONVENTIONAL_METRICS = [OPERATION_DURATION, TOKEN_USAGE, TIME_TO_FIRST_TOKEN] as const;

/** An attribute's name as a label of Prometheus. */
export const labelOf = (attribute: string): string => attribute.replaceAll('.', '_');
