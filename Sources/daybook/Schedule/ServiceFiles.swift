import Foundation
import Pipeline

/// What keeps a schedule running: a unit of systemd, or a line of a crontab.
struct ServiceFiles {
    /// Absolute.
    let projectDirectory: String
    let program = Bundle.main.executablePath ?? CommandLine.arguments[0]
    let isRoot = geteuid() == 0
    var home = ProcessInfo.processInfo.environment["HOME"] ?? NSHomeDirectory()
    var configuration = ProcessInfo.processInfo.environment["XDG_CONFIG_HOME"]

    /// `daybook-shop`: a unit's name takes few characters.
    var name: String {
        let base = projectDirectory.split(separator: "/").last.map(String.init) ?? "project"
        let allowed = base.map { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) ? $0 : "-" }
        return "daybook-" + String(allowed)
    }

    // MARK: - systemd

    /// Where systemd looks for the unit.
    var unitPath: String {
        let folder =
            isRoot
            ? "/etc/systemd/system" : (configuration ?? "\(home)/.config") + "/systemd/user"
        return "\(folder)/\(name).service"
    }

    var unit: String {
        let directory = ServiceFiles.systemdQuoted(projectDirectory)
        return """
            [Unit]
            Description=Daybook: the schedule of \(ServiceFiles.systemdEscaped(projectDirectory))
            Wants=network-online.target
            After=network-online.target postgresql.service

            [Service]
            Type=notify
            ExecStart=\(ServiceFiles.systemdQuoted(program)) schedule --project \(directory)
            ExecReload=/bin/kill -HUP $MAINPID
            # What the definitions take from the environment, as NAME=VALUE; mode 0600.
            EnvironmentFile=-\(ServiceFiles.systemdEscaped(projectDirectory))/.daybook/environment
            WorkingDirectory=\(ServiceFiles.systemdEscaped(projectDirectory))
            Restart=on-failure
            RestartSec=10
            # A person has to mend these: wrong usage, a bad definition.
            RestartPreventExitStatus=64 78
            WatchdogSec=5min
            # Runs that go on are told to finish their batch; a private server stays up.
            KillMode=process
            TimeoutStopSec=10min

            [Install]
            WantedBy=\(isRoot ? "multi-user.target" : "default.target")

            """
    }

    var unitAdvice: String {
        let systemctl = isRoot ? "systemctl" : "systemctl --user"
        var lines = [
            "enable it:", "  \(systemctl) daemon-reload", "  \(systemctl) enable --now \(name)",
        ]
        if !isRoot { lines += ["and, for it to run while nobody is logged in:", "  loginctl enable-linger"] }
        lines += [
            "look at it:", "  \(systemctl) status \(name)",
            "  journalctl \(isRoot ? "-u" : "--user -u") \(name)",
        ]
        return lines.joined(separator: "\n")
    }

    private static func systemdEscaped(_ text: String) -> String {
        text.replacingOccurrences(of: "%", with: "%%")
    }

    private static func systemdQuoted(_ text: String) -> String {
        let escaped = systemdEscaped(text).replacingOccurrences(of: "\\", with: "\\\\")
            .replacingOccurrences(of: "\"", with: "\\\"").replacingOccurrences(of: "$", with: "$$")
        return "\"\(escaped)\""
    }

    // MARK: - cron

    var crontabPath: String { "\(projectDirectory)/.daybook/crontab" }

    /// Each minute what is due; the times themselves are those of the definitions.
    var crontab: String {
        let directory = ServiceFiles.shellQuoted(projectDirectory)
        let command =
            "cd \(directory) && \(ServiceFiles.shellQuoted(program)) schedule --once"
        return """
            # Daybook: the schedule of \(projectDirectory)
            * * * * * \(command.replacingOccurrences(of: "%", with: "\\%"))

            """
    }

    var crontabAdvice: String {
        """
        enable it:
          (crontab -l 2>/dev/null; cat \(ServiceFiles.shellQuoted(crontabPath))) | crontab -
        cron knows little of your environment: what the definitions take from it belongs into the crontab, as NAME=VALUE
        """
    }

    private static func shellQuoted(_ text: String) -> String {
        "'" + text.replacingOccurrences(of: "'", with: "'\\''") + "'"
    }

    // MARK: -

    /// A file of the same name is another project's.
    struct Taken: Error, CustomStringConvertible {
        let path: String
        var description: String { "\(path) is another project's; name another file with --out" }
    }

    /// Writes a file, and the folder that it belongs into; one that is of another project is left alone.
    func write(_ text: String, to path: String) throws {
        let url = URL(fileURLWithPath: path)
        if let there = try? String(contentsOf: url, encoding: .utf8),
            there.contains("Daybook: the schedule of"),
            there.split(separator: "\n").first(where: { $0.contains("Daybook: the schedule of") })
                != text.split(separator: "\n").first(where: { $0.contains("Daybook: the schedule of") })
        {
            throw Taken(path: path)
        }
        try WholeFile.makeFolder(url.deletingLastPathComponent().path)
        try WholeFile.write(text, to: url.path)
    }
}
