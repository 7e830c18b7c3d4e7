/**
 * What a door puts into a conversation of its own, where the result of a tool has more to it than a chat's tool message can
 * say: that has text alone. Each is a part of its own, so that the caller's words are never run together with ours.
 */
export const RESULT_FAILED = 'The tool failed:';

/** In the tool message. @param count of the images and files that come after all results */
export const shownBelow = (count: number): string =>
  `(${count === 1 ? 'An image or file' : `${count} images or files`} of this result: see the next user message.)`;

/** In front of them. @param id of the tool call */
export const shownOf = (id: string): string => `Of the result of tool call ${id}:`;

const NOTE =
  /^(?:The tool failed:|\((?:An image or file|\d+ images or files) of this result: see the next user message\.\)|Of the result of tool call .*:)$/s;

/** Whether a text is such a note; a caller may well write one, so it is no reason to leave a text unread. */
export const isResultNote = (text: unknown): boolean => typeof text === 'string' && NOTE.test(text);
