import type { TargetConfig } from '../../common/config/config.schema.js';
import type { Target } from '../../common/target.js';

/** What has to be known of a target to write a request for it. */
export interface Addressee extends Pick<Target, 'provider' | 'model' | 'contextWindow' | 'capabilities'> {
  /** What its server wants in the field `model`. */
  readonly upstreamModel: string;
  readonly config: Pick<TargetConfig, 'baseUrl' | 'apiVersion'>;
}
