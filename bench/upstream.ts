/**
 * The model server of the bench, run as a child process. It speaks just enough HTTP/1.1 over bare sockets (requests
 * with a Content-Length, no pipelining), so that it takes as little as possible of the two cores it shares with what
 * is measured. The first path segment says what it answers: `/plain`, `/firehose`, `/each`, `/burst` or `/paced`; `/peak`
 * tells how many paced streams were open at once since it was asked last.
 */
import { createServer, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import {
  contentFrame,
  FIREHOSE_CHUNKS,
  PACE_MS,
  PACED_CHUNKS,
  PLAIN_COMPLETION,
  STAMP_DIGITS,
  STAMP_KEY,
  STREAM_CHUNKS,
  STREAM_TAIL,
} from './payloads.js';
import { announce } from './child.js';

const httpChunk = (text: string): Buffer => Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);

const plainBody = JSON.stringify(PLAIN_COMPLETION);
const PLAIN = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(plainBody)}\r\n\r\n${plainBody}`,
);
const STREAM_HEAD = Buffer.from(
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n',
);
const ROLE_FRAME = httpChunk(contentFrame('').replace('{"content":""}', '{"role":"assistant","content":""}'));
const FRAMES = ['foxes', ' and', ' dogs', ' live', ' near', ' the', ' river', '.'].map((word) =>
  httpChunk(contentFrame(word)),
);
const TAIL = Buffer.concat([httpChunk(STREAM_TAIL), Buffer.from('0\r\n\r\n')]);
const PACED_FRAME = httpChunk(contentFrame(' word', `${STAMP_KEY}${'0'.repeat(STAMP_DIGITS)},`));
const STAMP_AT = PACED_FRAME.indexOf(STAMP_KEY) + STAMP_KEY.length;

const BURST = Buffer.concat([
  ...[STREAM_HEAD, ROLE_FRAME],
  ...Array.from({ length: STREAM_CHUNKS }, (_, n) => FRAMES[n % FRAMES.length] as Buffer),
  TAIL,
]);

/** As fast as the reader takes it, one write a frame: a model server flushes every token. */
function writeEach(socket: Socket, chunks: number): void {
  socket.write(STREAM_HEAD);
  socket.write(ROLE_FRAME);
  let sent = 0;
  const next = (): void => {
    if (socket.destroyed) return;
    if (sent === chunks) {
      socket.write(TAIL);
    } else {
      const more = socket.write(FRAMES[sent % FRAMES.length] as Buffer);
      sent += 1;
      if (more) setImmediate(next);
      else socket.once('drain', next);
    }
  };
  setImmediate(next);
}

interface PacedStream {
  readonly socket: Socket;
  sent: number;
}

/**
 * The first content comes at once, the second when the stream's slot is next due. Streams in one slot of a wheel are served in the same millisecond; the slots spread them over
 * `PACE_MS`.
 */
const wheel: Set<PacedStream>[] = Array.from({ length: PACE_MS }, () => new Set<PacedStream>());
let nextSlot = 0;
let tick = 0;
let startedAt = 0;
let open = 0;
let mostOpen = 0;

function paced(socket: Socket): void {
  socket.write(STREAM_HEAD);
  socket.write(ROLE_FRAME);
  socket.write(stamped());
  (wheel[nextSlot++ % PACE_MS] as Set<PacedStream>).add({ socket, sent: 1 });
  open += 1;
  mostOpen = Math.max(mostOpen, open);
}

function peak(socket: Socket): void {
  const body = JSON.stringify({ peak: mostOpen });
  mostOpen = open;
  socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
}

function end(slot: Set<PacedStream>, stream: PacedStream): void {
  slot.delete(stream);
  open -= 1;
}

function stamped(): Buffer {
  const frame = Buffer.from(PACED_FRAME);
  const micros = Math.round((performance.timeOrigin + performance.now()) * 1000);
  frame.write(String(micros).padStart(STAMP_DIGITS, '0'), STAMP_AT, 'latin1');
  return frame;
}

function serve(slot: Set<PacedStream>): void {
  if (slot.size === 0) return;
  const frame = stamped(); // one for all: it is written to them within a fraction of a millisecond
  for (const stream of slot) {
    if (stream.socket.destroyed) end(slot, stream);
    else if (stream.sent < PACED_CHUNKS) {
      stream.socket.write(frame);
      stream.sent += 1;
    } else {
      stream.socket.write(TAIL);
      end(slot, stream);
    }
  }
}

/** Serves every slot that is due; after a late timer the missed ones follow at once. */
function turnWheel(): void {
  const due = Math.floor(performance.now() - startedAt);
  for (; tick < due; tick += 1) serve(wheel[tick % PACE_MS] as Set<PacedStream>);
}

const ANSWERS: Record<string, (socket: Socket) => void> = {
  '/pl': (socket) => socket.write(PLAIN),
  '/fi': (socket) => writeEach(socket, FIREHOSE_CHUNKS),
  '/ea': (socket) => writeEach(socket, STREAM_CHUNKS),
  '/bu': (socket) => socket.write(BURST),
  '/pa': paced,
  '/pe': peak,
};

/** `POST /plain/...`: the three characters at offset 5 tell the paths apart. */
function answer(request: string, socket: Socket): void {
  const respond = ANSWERS[request.slice(5, 8)];
  if (respond) respond(socket);
  else socket.write('HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}');
}

/** Length of the first whole request in `text` (ASCII or not: bytes are read as latin1), or 0. */
function requestLength(text: string): number {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd === -1) return 0;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, headEnd));
  const total = headEnd + 4 + Number(length?.[1] ?? 0);
  return text.length >= total ? total : 0;
}

const server = createServer({ noDelay: true }, (socket) => {
  let pending = '';
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes) => {
    pending += bytes.toString('latin1');
    for (let length = requestLength(pending); length > 0; length = requestLength(pending)) {
      const request = pending.slice(0, length);
      pending = pending.slice(length);
      answer(request, socket);
    }
  });
});

server.listen(0, '127.0.0.1', 4096, () => {
  startedAt = performance.now();
  setInterval(turnWheel, 1);
  announce(server);
});
