// Whether the page is being printed: on paper a list has all its rows, on a screen those in sight.

import { useEffect, useState } from "react";
import { flushSync } from "react-dom";

export function usePrinting(): boolean {
  const [isPrinting, set] = useState(false);
  useEffect(() => {
    const media = matchMedia("print");
    // The browser takes what is in the document when these handlers return.
    const begin = () => flushSync(() => set(true));
    const end = () => set(false);
    const change = () => flushSync(() => set(media.matches));
    addEventListener("beforeprint", begin);
    addEventListener("afterprint", end);
    media.addEventListener("change", change);
    return () => {
      removeEventListener("beforeprint", begin);
      removeEventListener("afterprint", end);
      media.removeEventListener("change", change);
    };
  }, []);
  return isPrinting;
}
