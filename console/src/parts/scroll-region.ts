/** The attributes of a region that scrolls: the keyboard has to reach it, although nothing in it may take the focus. */
export const SCROLL_REGION = { tabIndex: 0 } as const;
