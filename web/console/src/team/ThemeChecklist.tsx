import { Checklist } from "../ui/Checklist";

export interface ThemeName {
  readonly id: string;
  readonly name: string;
}

interface Props {
  readonly themes: readonly ThemeName[];
  readonly selected: readonly string[];
  readonly onChange: (ids: readonly string[]) => void;
}

export function ThemeChecklist({ themes, ...props }: Props) {
  const choices = themes.map(({ id, name }) => ({ value: id, label: name }));
  return <Checklist {...props} label="Allowed themes" choices={choices} />;
}
