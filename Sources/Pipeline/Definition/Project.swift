import Alerts
import Events
import Foundation
import SQLFiles
import Warehouse

/// What `pipelines/project.jsonc` says for all pipelines.
package struct ProjectDefinition: Sendable {
    /// A URL, with its secrets; nil where the project names none.
    package var database: String?
    /// Events outside are rejected.
    package var timeRange: ClosedRange<Timestamp>
    /// How old a day is to be for a run to compact it; nil where none is.
    package var compactAfterMicroseconds: Int64?
    /// In which form compacted days are kept; nil: the best that the server has.
    package var storage: StorageForm?
    /// How long what is kept.
    package var retention = RetentionTimes()
    /// Whom alerts are told to, in the order of the file.
    package var channels: [ChannelDefinition] = []
    /// A file that each run writes its metrics to, relative to the project; nil: none.
    package var metrics: String?
    /// The zone of local hours and days in reports, as IANA names it; nil: UTC.
    package var timeZone: String?
    /// Whose names days and months have in reports, as in `de_DE`; nil: English ones.
    package var locale: String?
    /// Who is told of runs by events of OpenLineage; nil: nobody.
    package var openLineage: OpenLineageTarget?

    /// The first day that has a leaf's name, and a day from now: one event from 2099 must not move a clock.
    static func defaultTimeRange(now: Date) -> ClosedRange<Timestamp> {
        let tomorrow = Timestamp(microseconds: Int64((now.timeIntervalSince1970 + 86_400) * 1e6))
        return Timestamp(microseconds: -62_135_596_800_000_000)...tomorrow
    }
}

/// A directory with `pipelines/` and, if it has SQL of its own, `sql/`.
package struct Project: Sendable {
    /// Absolute, without a slash at the end.
    package let directory: String
    package let definition: ProjectDefinition
    /// What is to say about `project.jsonc`.
    package let problems: [Problem]
    private let environment: [String: String]

    package static let definitionFile = "pipelines/project.jsonc"

    /// - Throws: where the directory has no `pipelines/`. Mistakes in `project.jsonc` are kept as problems.
    package init(
        directory: String, environment: [String: String] = ProcessInfo.processInfo.environment,
        now: Date = Date()
    ) throws(ProjectError) {
        let absolute = URL(fileURLWithPath: directory).standardizedFileURL.path
        self.directory =
            absolute.count > 1 && absolute.hasSuffix("/") ? String(absolute.dropLast()) : absolute
        self.environment = environment
        var isDirectory: ObjCBool = false
        guard
            FileManager.default.fileExists(atPath: "\(self.directory)/pipelines", isDirectory: &isDirectory),
            isDirectory.boolValue
        else { throw ProjectError(directory: self.directory) }
        (definition, problems) = Project.readDefinition(self.directory, environment, now)
    }

    /// What its directory is called.
    package var name: String { directory.split(separator: "/").last.map(String.init) ?? "/" }

    package var hasErrors: Bool { problems.contains { $0.severity == .error } }

    /// The names of the pipelines, sorted.
    package var pipelineNames: [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: "\(directory)/pipelines")) ?? []
        return files.filter { $0.hasSuffix(".jsonc") && !$0.hasPrefix(".") && $0 != "project.jsonc" }
            .map { String($0.dropLast(".jsonc".count)) }
            .sorted()
    }

    /// Reads pipelines by name; all where none is named. Names of SLAs and of fields are checked to be
    /// unique among all.
    ///
    /// - Throws: `DefinitionError` where a pipeline is not there.
    package func read(_ names: [String]) throws(DefinitionError) -> [ReadDefinition] {
        let known = pipelineNames
        for name in names where !known.contains(name) {
            let hint =
                Spelling.nearest(name, in: known).map { "; did you mean \"\($0)\"?" }
                ?? (known.isEmpty ? "" : "; there are \(known.joined(separator: ", "))")
            throw DefinitionError([
                Problem(
                    .error, .start(of: "pipelines/\(name).jsonc"), "there is no pipeline \"\(name)\"\(hint)")
            ])
        }
        let all = known.map { name in
            PipelineReader.read(
                name: name, projectDirectory: directory, project: definition, environment: environment)
        }
        var owners: [String: String] = [:]
        var fieldOwners: [String: String] = [:]
        var alertOwners: [String: String] = [:]
        return all.map { definition in
            var problems = definition.problems
            for sla in definition.pipeline?.slas ?? [] {
                if let owner = owners.updateValue(definition.name, forKey: sla.name) {
                    let place = definition.places.slas[sla.name]
                    problems.append(
                        Problem(
                            .error, place ?? .start(of: definition.file),
                            "the pipeline \(owner) has an SLA \"\(sla.name)\" too; give one another name"))
                }
            }
            for rule in definition.pipeline?.alerts ?? [] {
                if let owner = alertOwners.updateValue(definition.name, forKey: rule.name) {
                    problems.append(
                        Problem(
                            .error, definition.places.alerts[rule.name] ?? .start(of: definition.file),
                            "the pipeline \(owner) has an alert \"\(rule.name)\" too; give one another name"))
                }
            }
            for field in definition.pipeline?.eventFields ?? [] {
                let name = "\(field.namespace).\(field.name)"
                if let owner = fieldOwners.updateValue(definition.name, forKey: name) {
                    problems.append(
                        Problem(
                            .error, DefinitionPlace(file: field.file, line: field.line, column: 1),
                            "the pipeline \(owner) declares the field \(name) too; it holds for the events of all "
                                + "pipelines, so declare it once"))
                }
            }
            let isSound = !problems.contains { $0.severity == .error }
            return ReadDefinition(
                name: definition.name, file: definition.file, pipeline: isSound ? definition.pipeline : nil,
                problems: problems, places: definition.places)
        }.filter { names.isEmpty || names.contains($0.name) }
    }

    /// Pipelines that are ready to run.
    ///
    /// - Throws: `DefinitionError` with every mistake in them and in `project.jsonc`.
    package func pipelines(_ names: [String]) throws(DefinitionError) -> [PipelineDefinition] {
        let definitions = try read(names)
        let mistakes = (problems + definitions.flatMap(\.problems)).filter { $0.severity == .error }
        guard mistakes.isEmpty else { throw DefinitionError(mistakes) }
        let pipelines = definitions.compactMap(\.pipeline)
        guard !pipelines.isEmpty else {
            throw DefinitionError([
                holdsNoPipeline
            ])
        }
        return pipelines
    }

    /// What to say of a project without a pipeline: a file of nearly the right name is a likely reason.
    var holdsNoPipeline: Problem {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: "\(directory)/pipelines")) ?? []
        let near = files.sorted().first { $0 != "project.jsonc" && $0.lowercased().contains(".json") }
        let hint =
            near.map { "; rename \($0): a pipeline is a file NAME.jsonc" } ?? "; see: daybook init --help"
        return Problem(.error, .start(of: "pipelines/"), "holds no pipeline\(hint)")
    }

    /// The SQL that travels in the binary, and the project's own.
    package func sqlFiles() throws -> SQLFiles {
        try SQLFiles.builtin.adding(project: URL(fileURLWithPath: "\(directory)/sql"))
    }

    // MARK: - project.jsonc

    /// What later versions read from the file; known, and without effect here.
    private static let unusedKeys = [
        "distribute", "calendars",
    ]

    private static func readDefinition(
        _ directory: String, _ environment: [String: String], _ now: Date
    ) -> (ProjectDefinition, [Problem]) {
        let defaults = ProjectDefinition.defaultTimeRange(now: now)
        var definition = ProjectDefinition(timeRange: defaults)
        guard FileManager.default.fileExists(atPath: "\(directory)/\(definitionFile)") else {
            return (definition, [])
        }
        do {
            let reader = try DefinitionReader(
                file: definitionFile, projectDirectory: directory, environment: environment)
            let keys =
                [
                    "database", "min_time", "max_time", "compact_after", "retention", "storage", "channels",
                    "metrics", "openlineage", "time_zone", "locale",
                ] + unusedKeys
            guard let object = reader.object(reader.root, "the project", keys: keys) else {
                return (definition, reader.problems)
            }
            definition.database = object["database"].flatMap { reader.nonEmptyString($0, "database") }
            let earliest = object["min_time"].flatMap { reader.timestamp($0, "min_time") }
            let latest = object["max_time"].flatMap { reader.timestamp($0, "max_time") }
            let (from, to) = (earliest ?? defaults.lowerBound, latest ?? defaults.upperBound)
            if from <= to {
                definition.timeRange = from...to
            } else if let value = object["min_time"] ?? object["max_time"] {
                let origin = object["max_time"] == nil ? " (a day from now, since none is given)" : ""
                reader.error(
                    "min_time \(from) is after max_time \(to)\(origin); no event would be between them",
                    at: value)
            }
            definition.compactAfterMicroseconds = object["compact_after"].flatMap {
                reader.duration($0, "compact_after")
            }
            definition.storage = object["storage"].flatMap {
                reader.choice($0, "storage", StorageForm.allCases.map(\.rawValue)).flatMap(StorageForm.init)
            }
            if definition.storage == .heap, let value = object["compact_after"] {
                reader.warning("compact_after has no effect where storage is heap", at: value)
            }
            if let value = object["retention"] { definition.retention = retention(value, reader) }
            if let value = object["channels"] {
                definition.channels = ChannelsReader(reader: reader, directory: directory).read(value)
            }
            definition.metrics = object["metrics"].flatMap { reader.nonEmptyString($0, "metrics") }
            definition.timeZone = object["time_zone"].flatMap { reader.timeZone($0, "time_zone") }
            definition.locale = object["locale"].flatMap { value in
                reader.nonEmptyString(value, "locale").flatMap { name in
                    if !Locale.availableIdentifiers.contains(name.replacingOccurrences(of: "-", with: "_")) {
                        reader.error(
                            "locale is \"\(name)\", which is not known; write it like de_DE", at: value)
                    }
                    return name
                }
            }
            let name = directory.split(separator: "/").last.map(String.init) ?? "daybook"
            definition.openLineage = object["openlineage"].flatMap {
                OpenLineageReader(reader: reader, projectName: name).read($0)
            }
            for key in unusedKeys {
                if let value = object[key] {
                    reader.warning("\"\(key)\" has no effect in this version", at: value)
                }
            }
            return (definition, reader.problems)
        } catch {
            return (definition, error.problems)
        }
    }

    /// A duration for all that comes in, or one for each.
    private static func retention(_ value: JSONValue, _ reader: DefinitionReader) -> RetentionTimes {
        var times = RetentionTimes()
        if case .string = value.content {
            let all = reader.duration(value, "retention")
            times = RetentionTimes(raw: all, rejects: all, runs: all)
        } else if let object = reader.object(value, "retention", keys: ["raw", "rejects", "runs", "report"]) {
            func time(_ key: String) -> Int64? {
                object[key].flatMap { reader.duration($0, "retention.\(key)") }
            }
            times = RetentionTimes(
                raw: time("raw"), rejects: time("rejects"), runs: time("runs"), report: time("report"))
        }
        if let mistake = times.mistake { reader.error("retention: \(mistake)", at: value) }
        return times
    }
}

/// A directory that is no project.
package struct ProjectError: Error, CustomStringConvertible {
    let directory: String
    package var description: String {
        "\(directory) has no pipelines/ folder: go to a project, name one with --project DIR, "
            + "or make one: daybook init DIR"
    }
}
