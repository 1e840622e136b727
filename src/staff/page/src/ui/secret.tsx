// A secret that is shown once, with a button that copies it.

import { useState } from "react";

export function Secret({ name, value, note }: { name: string; value: string; note?: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = () => navigator.clipboard.writeText(value).then(() => setCopied(true), () => {});
  return (
    <div className="secret">
      <p className="name">{name}</p>
      <code>{value}</code>
      <button type="button" className="button" onClick={() => void copy()}>{isCopied ? "已复制" : "复制"}</button>
      <p className="help">{note ?? "只显示这一次，请现在保存。"}</p>
    </div>
  );
}
