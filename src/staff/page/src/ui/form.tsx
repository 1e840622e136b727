// Forms in dialogs: a list of fields, what the act will do in words, and what the server says
// about each field. What was typed stays where an attempt failed, and the attempt keeps its key.

import { AlertDialog } from "@base-ui/react/alert-dialog";
import { Dialog } from "@base-ui/react/dialog";
import { useId, useRef, useState, type ReactNode } from "react";
import { Problem } from "../api";
import { toast } from "./toast";

export interface Field {
  name: string;
  label: string;
  type?: "text" | "password" | "number" | "date" | "datetime-local" | "time" | "select" | "area" | "check" | "code" | "tel";
  options?: [string, string][];
  required?: boolean;
  value?: string;
  help?: ReactNode;
  max?: number;
  min?: string | number;
  /** Of a number; whole ones without it. */
  step?: string;
  autoComplete?: string;
  /** Says what is wrong with the value, or right (with a leading ✓), while it is typed. */
  check?: (value: string, all: Values) => string | null;
  show?: (all: Values) => boolean;
  /** Where the server means this field, if not at `/name`. */
  pointer?: string;
}
export type Values = Record<string, string>;

export const initial = (fields: Field[]): Values =>
  Object.fromEntries(fields.map((field) => [field.name, field.value ?? (field.type === "select" ? (field.options?.[0]?.[0] ?? "") : "")]));

export function Fields({ fields, values, set, problem }: { fields: Field[]; values: Values; set: (values: Values) => void; problem: Problem | null }) {
  const root = useId();
  return (
    <>
      {fields.filter((field) => field.show?.(values) ?? true).map((field) => {
        const id = `${root}-${field.name}`;
        const value = values[field.name] ?? "";
        const said = problem?.errors.find((one) => one.pointer === (field.pointer ?? `/${field.name}`))?.detail;
        const live = value && field.check ? field.check(value, values) : null;
        const isRight = live?.startsWith("✓");
        const wrong = said ?? (isRight ? null : live);
        const about = [wrong || live ? `${id}-said` : "", field.help ? `${id}-help` : ""].filter(Boolean).join(" ") || undefined;
        const common = {
          id, name: field.name, value, required: field.required, "aria-describedby": about, "aria-invalid": wrong ? true : undefined,
          onChange: (event: { target: { value: string } }) => set({ ...values, [field.name]: event.target.value }),
        } as const;
        return (
          <div className={`field ${field.type ?? "text"}`} key={field.name}>
            {field.type === "check" ? (
              <label htmlFor={id} className="check">
                <input id={id} type="checkbox" checked={value === "yes"} required={field.required}
                  onChange={(event) => set({ ...values, [field.name]: event.target.checked ? "yes" : "" })} />
                {field.label}
              </label>
            ) : (
              <label htmlFor={id}>{field.label}{!field.required && <small>（可不填）</small>}</label>
            )}
            {field.type === "select" && (
              <select {...common}>{field.options?.map(([code, name]) => <option key={code} value={code}>{name}</option>)}</select>
            )}
            {field.type === "area" && <textarea {...common} rows={3} maxLength={field.max} />}
            {field.type !== "select" && field.type !== "area" && field.type !== "check" && (
              <input {...common} type={field.type === "code" ? "text" : (field.type ?? "text")} maxLength={field.max} min={field.min} step={field.step}
                inputMode={field.type === "code" ? "numeric" : undefined} pattern={field.type === "code" ? "[0-9]{6}" : undefined}
                autoComplete={field.autoComplete ?? "off"} />
            )}
            {field.help && <p className="help" id={`${id}-help`}>{field.help}</p>}
            {(wrong || live) && <p className={isRight && !said ? "said right" : "said"} id={`${id}-said`} role="status">{wrong ?? live}</p>}
          </div>
        );
      })}
    </>
  );
}

/** What the server said that belongs to no field that is shown. */
export function Said({ problem, fields = [] }: { problem: Problem | null; fields?: Field[] }) {
  if (!problem) return null;
  const known = new Set(fields.map((field) => field.pointer ?? `/${field.name}`));
  const rest = problem.errors.filter((one) => !known.has(one.pointer));
  if (problem.errors.length > 0 && rest.length === 0) return <p className="notice bad" role="alert">请按提示修改后重试。</p>;
  return (
    <p className="notice bad" role="alert">
      {rest[0]?.detail ?? problem.detail}
      {problem.passes && " 您填写的内容还在，可以直接重试。"}
    </p>
  );
}

/** Runs one command; the same attempt keeps its key until it has succeeded or changed. */
export function useCommand() {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const attempt = useRef<{ said: string; key: string }>({ said: "", key: "" });
  const isRunning = useRef(false);
  const run = async (what: unknown, work: (key: string) => Promise<void>): Promise<boolean> => {
    // The button keeps the focus while it waits, so it may be pressed again.
    if (isRunning.current) return false;
    isRunning.current = true;
    const said = JSON.stringify(what);
    if (attempt.current.said !== said) attempt.current = { said, key: crypto.randomUUID() };
    setBusy(true);
    setProblem(null);
    try {
      await work(attempt.current.key);
      attempt.current = { said: "", key: "" };
      return true;
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(0, "internal", "页面出现问题，请刷新后重试。"));
      return false;
    } finally {
      isRunning.current = false;
      setBusy(false);
    }
  };
  return { isBusy, problem, run, clear: () => setProblem(null) };
}

interface FormDialog {
  title: string;
  /** What will happen, in a sentence or two. */
  intro?: ReactNode;
  fields: Field[];
  confirm: string;
  isDanger?: boolean;
  /** Shows what the act would do before it is done; the second press does it. */
  preview?: (values: Values) => Promise<ReactNode>;
  submit: (values: Values, key: string) => Promise<ReactNode | void>;
  done?: string;
  close: () => void;
  after?: () => void;
  isWide?: boolean;
}

export function FormDialog(props: FormDialog) {
  const { title, intro, fields, confirm, isDanger, preview, submit, done, close, after, isWide } = props;
  const [values, setValues] = useState(() => initial(fields));
  const [foreseen, setForeseen] = useState<ReactNode>(null);
  const [result, setResult] = useState<ReactNode>(null);
  const { isBusy, problem, run } = useCommand();
  const change = (next: Values) => {
    setValues(next);
    setForeseen(null);
  };
  const send = async (event: { preventDefault: () => void }) => {
    event.preventDefault();
    if (preview && !foreseen) {
      await run({ preview: values }, async () => setForeseen(await preview(values)));
      return;
    }
    let shown: ReactNode | void;
    const went = await run(values, async (key) => {
      shown = await submit(values, key);
    });
    if (!went) return;
    if (done) toast(done);
    after?.();
    if (shown) setResult(shown);
    else close();
  };
  return (
    <Dialog.Root open onOpenChange={(isOpen) => !isOpen && !isBusy && close()} disablePointerDismissal>
      <Dialog.Portal>
        <Dialog.Backdrop className="veil" />
        <Dialog.Popup className={isWide ? "dialog wide" : "dialog"}>
          <Dialog.Title className="dialog-title">{title}</Dialog.Title>
          {result ? (
            <>
              {result}
              <div className="dialog-acts"><Dialog.Close className="button primary">关闭</Dialog.Close></div>
            </>
          ) : (
            <form onSubmit={(event) => void send(event)}>
              {intro && <Dialog.Description className="intro" render={<div />}>{intro}</Dialog.Description>}
              <Fields fields={fields} values={values} set={change} problem={problem} />
              {foreseen && <div className="foreseen" role="status">{foreseen}</div>}
              <Said problem={problem} fields={fields} />
              <div className="dialog-acts">
                <Dialog.Close className="button" type="button" disabled={isBusy}>取消</Dialog.Close>
                <button className={isDanger && (!preview || foreseen) ? "button danger" : "button primary"} aria-disabled={isBusy} aria-busy={isBusy}>
                  {isBusy ? "请稍候…" : preview && !foreseen ? "预览效果" : confirm}
                </button>
              </div>
            </form>
          )}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

interface Confirm {
  title: string;
  /** What will happen. */
  says: ReactNode;
  confirm: string;
  isDanger?: boolean;
  act: (key: string) => Promise<ReactNode | void>;
  done?: string;
  close: () => void;
  after?: () => void;
}

/** Asks before something that cannot simply be undone. */
export function Confirm({ title, says, confirm, isDanger = true, act, done, close, after }: Confirm) {
  const { isBusy, problem, run } = useCommand();
  const [result, setResult] = useState<ReactNode>(null);
  const go = async () => {
    let shown: ReactNode | void;
    if (!(await run(title, async (key) => { shown = await act(key); }))) return;
    if (done) toast(done);
    after?.();
    if (shown) setResult(shown);
    else close();
  };
  return (
    <AlertDialog.Root open onOpenChange={(isOpen) => !isOpen && !isBusy && close()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="veil" />
        <AlertDialog.Popup className="dialog">
          <AlertDialog.Title className="dialog-title">{title}</AlertDialog.Title>
          <AlertDialog.Description className="intro" render={<div />}>{result ?? says}</AlertDialog.Description>
          <Said problem={problem} />
          <div className="dialog-acts">
            <AlertDialog.Close className="button" disabled={isBusy}>{result ? "关闭" : "取消"}</AlertDialog.Close>
            {!result && (
              <button className={isDanger ? "button danger" : "button primary"} onClick={() => void go()} aria-disabled={isBusy} aria-busy={isBusy}>
                {isBusy ? "请稍候…" : confirm}
              </button>
            )}
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
