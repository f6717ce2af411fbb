import Pipeline

/// `daybook preview`: the first events as they would load, and what would be rejected.
enum PreviewVerb: Verb {
    static let name = "preview"
    static let summary = "shows the first events as they would load, and what would be rejected"
    static let operands = "[PIPELINE…]"
    static let options: [Option] = [
        .project,
        Option("--rows", "N", "how many events of each source are shown (default: 10)"),
        Option("--source", "NAME", "this source only"),
        .json,
    ]
    static let discussion = """
        Reads the start of each source as a run would, and touches no database: of files the first ones in the order in
        which they load, of an API the first page. Shows the rows of raw.events that would come of it, with redactions and
        filters applied, and each record that would be rejected, with its place and the reason. A thousand records are
        counted where so many are there; an event that is loaded already, or comes twice, is counted as well. --json has all
        columns, and the details as a whole.

          daybook preview orders --source checkout --rows 20

        exit codes: 0 done, 65 a source has nothing but rejects, or a file is damaged (what could be read is shown), 69 a
        source cannot be read, 78 mistakes in a definition
        """

    private static let defaultRows = 10

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let rows = try arguments.integer("--rows", in: 1...10_000) ?? defaultRows
        let context = Context(arguments)
        let project = try context.project()
        guard !project.hasErrors else { throw DefinitionError(project.problems) }
        let pipelines = try context.pipelines(project)
        if let name = arguments["--source"] { try requireSource(name, of: pipelines) }
        var previews: [Preview] = []
        for pipeline in pipelines {
            for source in pipeline.sources where source.name == arguments["--source"] ?? source.name {
                let preview = Preview(source, of: pipeline, in: project, rows: rows)
                if !arguments.isJSON {
                    if !previews.isEmpty { Terminal.out("") }
                    PreviewText.tell(preview)
                }
                previews.append(preview)
            }
        }
        if arguments.isJSON { JSONOutput.write(PreviewText.json(previews)) }
        if let error = previews.lazy.compactMap(\.error).first { return ExitCode(error) }
        return previews.contains { $0.isNothingButRejects || $0.isDamaged } ? .badData : .done
    }

    private static func requireSource(_ name: String, of pipelines: [PipelineDefinition]) throws(UsageError) {
        let known = pipelines.flatMap(\.sources).map(\.name)
        guard !known.contains(name) else { return }
        throw UsageError(
            "no source is called \"\(name)\"\(Spelling.suggestion(name, in: known)); there are: "
                + known.joined(separator: ", "))
    }
}
