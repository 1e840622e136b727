// Short words about what has just been done.

import { Toast } from "@base-ui/react/toast";

const manager = Toast.createToastManager();

export const toast = (text: string) => void manager.add({ title: text, timeout: 5000 });

function Said() {
  const { toasts } = Toast.useToastManager();
  return toasts.map((one) => (
    <Toast.Root key={one.id} toast={one} className="toast" swipeDirection={[]}>
      <Toast.Title className="toast-title" />
      <Toast.Close className="link" aria-label="关闭提示">✕</Toast.Close>
    </Toast.Root>
  ));
}

export function Toasts() {
  return (
    <Toast.Provider toastManager={manager}>
      <Toast.Portal>
        <Toast.Viewport className="toasts"><Said /></Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}
