export const onevent = 'not a function, and not the right name';
