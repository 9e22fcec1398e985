// Workers on workerd, served raw.

export function workerd() {
  return [];
}
