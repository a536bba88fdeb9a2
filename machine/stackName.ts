/** Longest name of a stack, so that the paths of sockets and of files below its folder stay within what systems allow. */
const longest = 40;

/**
 * What is wrong with the form of a stack's name; undefined when nothing is. It becomes part of paths below `.posttraining`: one that
 * holds a path, or differs from another only in case, would lead to what belongs to another stack.
 */
export function stackNameProblem(name: string) {
  if (/^[a-z](?:[a-z0-9-]*[a-z0-9])?$/.test(name) && name.length <= longest) return undefined;
  return `must be 1 to ${longest} lower-case letters, digits and dashes, beginning with a letter and without a dash at the end`;
}
