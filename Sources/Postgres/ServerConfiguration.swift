/// The settings of a private server, as the file that its `postgresql.conf` includes.
///
/// fsync, full_page_writes and synchronous_commit keep PostgreSQL's defaults: on.
struct ServerConfiguration {
    let fileName: String
    let text: String
    /// Who may come by TCP; nil where nobody may. Beside the other file, and read in the place of `pg_hba.conf`.
    let access: (fileName: String, text: String)?

    init(
        name: String, data: String, socketDirectory: String, settings: [String: String],
        listen: ListenAddress?
    ) {
        let ours = [
            "shared_buffers": "256MB",
            "maintenance_work_mem": "256MB",
            "max_wal_size": "4GB",
            "checkpoint_timeout": "15min",
            // A statement over all days holds a lock for each leaf and its two indexes; years of days, many readers.
            "max_locks_per_transaction": "256",
            // The log is for what happens to the server. Failed statements are told to who sent them, with
            // their details; here they get one line without the statement and the rows it holds.
            "log_min_messages": "warning",
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
            "log_statement": "none",
            "log_min_duration_statement": "-1",
            "log_autovacuum_min_duration": "-1",
            "log_checkpoints": "off",
            "logging_collector": "off",
        ]
        // The URL and the safety of `trust` rest on these.
        var fixed = [
            "listen_addresses": listen?.host ?? "",
            "port": "\(listen?.port ?? SocketDirectory.defaultPort)",
            "unix_socket_directories": socketDirectory,
            "unix_socket_permissions": "0700",
        ]
        if listen != nil {
            let accessName = name + ".hba.conf"
            fixed["hba_file"] = data + "/" + accessName
            // The superuser, whom the socket lets in without a password, comes by no other way.
            let text = """
                # Written by \(name) at each start: changes made here do not last.
                local all all trust
                host all \(name) all reject
                host \(name) all 127.0.0.0/8 scram-sha-256
                host \(name) all ::1/128 scram-sha-256

                """
            access = (accessName, text)
        } else {
            access = nil
        }
        let all = ours.merging(settings) { $1 }.merging(fixed) { $1 }
        fileName = name + ".conf"
        text =
            "# Written by \(name) at each start: changes made here do not last.\n"
            + all.sorted { $0.key < $1.key }.map { "\($0.key) = \(Self.quoted($0.value))\n" }.joined()
    }

    private static func quoted(_ value: String) -> String {
        var text = ""
        for character in value.unicodeScalars {
            switch character {
            case "'": text += "''"
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(character)
            }
        }
        return "'\(text)'"
    }
}
