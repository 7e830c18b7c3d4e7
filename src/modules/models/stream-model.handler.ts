import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { ChatRequest } from '../../common/chat.js';
import { mayHaveToLoad } from '../../common/target.js';
import { simulatedStream } from './adapters/simulated.model.js';
import { UpstreamCall } from './adapters/undici.transport.js';
import type { LiveTarget } from './live-target.js';
import { StreamModelCommand, type ModelStream } from './models.messages.js';
import { ObservedStream } from './observed-stream.js';
import { TargetCatalogue } from './target-catalogue.js';
import { upstreamBody, upstreamText } from './upstream-body.js';

/** A stream that is kept alive by comments or empty frames must bring content within this time. */
const SIGNS_OF_LIFE_MS = 60_000;

@CommandHandler(StreamModelCommand)
export class StreamModelHandler implements ICommandHandler<StreamModelCommand> {
  constructor(private readonly catalogue: TargetCatalogue) {}

  async execute(command: StreamModelCommand): Promise<ModelStream> {
    const target = this.catalogue.held(command.target);
    return new ObservedStream(target, openStream(target, command), command);
  }
}

function openStream(target: LiveTarget, command: StreamModelCommand): ModelStream {
  const { request, history, beginWithinMs, signal, partialAnswer } = command;
  if (!target.server) {
    return simulatedStream(target.config, upstreamBody(request, history, target, partialAnswer), signal);
  }
  const body = upstreamText(request, history, target, partialAnswer);
  const { idleMs, totalMs } = target.timeouts;
  const beginMs = Math.min(beginWithinMs, beginLimitMs(target, request));
  const form = { stream: request.stream === true, choices: request.n ?? 1 };
  return new UpstreamCall(target.server, body, form, { beginMs, idleMs, contentMs: SIGNS_OF_LIFE_MS, totalMs }, signal);
}

/** A local model that is not known to be loaded may take its load time first (FAULTS U21). */
function beginLimitMs(target: LiveTarget, { stream }: ChatRequest): number {
  const { firstTokenMs, plainMs, loadMs } = target.timeouts;
  if (!stream) return plainMs;
  return mayHaveToLoad(target) ? Math.max(firstTokenMs, loadMs) : firstTokenMs;
}
