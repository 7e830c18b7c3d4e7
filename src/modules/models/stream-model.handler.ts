import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { ChatRequest } from '../../common/chat.js';
import { mayHaveToLoad } from '../../common/target.js';
import { PlainCall } from './adapters/plain-call.js';
import { SimulatedStream } from './adapters/simulated.model.js';
import { StreamedCall } from './adapters/streamed-call.js';
import { LiveTarget } from './live-target.js';
import { StreamModelCommand, type ModelCall, type ModelStream } from './models.messages.js';
import { ObservedStream } from './observed-stream.js';
import { upstreamMessages } from './upstream-body.js';

/** A stream that is kept alive by comments or empty frames must bring content within this time. */
const SIGNS_OF_LIFE_MS = 60_000;

@CommandHandler(StreamModelCommand)
export class StreamModelHandler implements ICommandHandler<StreamModelCommand> {
  async execute({ call }: StreamModelCommand): Promise<ModelStream> {
    const target = LiveTarget.of(call.target);
    const body = target.server && target.server.mannerFor(call.request).dialect.request(call, target);
    const { slots, timeouts } = target;
    const patienceMs = call.request.stream ? timeouts.firstTokenMs : timeouts.plainMs;
    await slots.acquire(call.isFallback, Math.min(call.beginBy - performance.now(), patienceMs), call.signal);
    const fairMs = Math.min(call.fairMs, beginLimitMs(target, call.request));
    return new ObservedStream(target, streamOf(target, call, body), call.request.stream === true, fairMs);
  }
}

/** It holds a slot and goes out at once. @param body `null` for a simulated target */
function streamOf(target: LiveTarget, call: ModelCall, body: string | null): ModelStream {
  const { request, signal, beginBy, trace } = call;
  if (!target.server || body === null) {
    return new SimulatedStream(target.config, { ...request, messages: upstreamMessages(call, target) }, signal);
  }
  const beginMs = Math.max(0, Math.min(beginBy - performance.now(), beginLimitMs(target, request)));
  const manner = target.server.mannerFor(request);
  if (!request.stream) return new PlainCall(target.server, manner, body, beginMs, signal, trace);
  const { idleMs, totalMs } = target.timeouts;
  const limits = { beginMs, idleMs, contentMs: SIGNS_OF_LIFE_MS, totalMs };
  const frames = manner.dialect.frames(call);
  return new StreamedCall(target.server, manner.path, body, frames, limits, signal, trace);
}

/** A local model that is not known to be loaded may take its load time first (FAULTS U21). */
function beginLimitMs(target: LiveTarget, { stream }: ChatRequest): number {
  const { firstTokenMs, plainMs, loadMs } = target.timeouts;
  if (!stream) return plainMs;
  return mayHaveToLoad(target) ? Math.max(firstTokenMs, loadMs) : firstTokenMs;
}
